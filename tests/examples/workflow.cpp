#include <chrono>
#include <convoy/convoy.hpp>
#include <iostream>
#include <map>
#include <mutex>
#include <string>

// An order is paid, packed and shipped, in this order, whatever fails on the way; orders do not wait
// for each other. A payment that is not confirmed in time cancels the rest of its order.

struct step {
  enum class kind { pay, pack, ship, remind } what;
};

struct progress { // of an order; touched by its handler alone
  bool paid = false, packed = false;
};

int main() {
  using namespace std::chrono_literals;
  using convoy::outcome;
  using orders = convoy::processor<std::string, step, progress>;
  convoy::runtime rt;

  std::mutex mutex; // several orders ship at once
  std::map<std::string, std::string> shipped;

  // [readme]
  const auto advance = [&](orders::context& order, step& next) -> outcome {
    auto& done = order.state();
    switch (next.what) {
    case step::kind::pay:
      if (order.key() == "unpaid")
        return outcome::fail_rest; // and with it packing and shipping
      if (order.attempt() < 3)
        return outcome::retry_after(1ms); // the bank does not answer yet
      done.paid = true;
      return outcome::done;
    case step::kind::pack:
      done.packed = done.paid;
      return done.packed ? outcome::done : outcome::skip;
    case step::kind::ship: {
      const std::lock_guard lock(mutex);
      shipped[order.key()] = done.packed ? "in order" : "too early";
      return outcome::done;
    }
    case step::kind::remind: // nobody reminds of an order that is paid
      return done.paid ? outcome::done : outcome::skip;
    }
    return outcome::skip;
  };
  orders all{rt, advance, {.failure = convoy::failure_policy{.attempts = 5}}};
  // [/readme]

  bool accepted = true;
  for (const char* const id : {"A1", "A2", "unpaid"}) {
    auto reminder = all.submit_after(id, 24h, {step::kind::remind});
    for (const auto what : {step::kind::pay, step::kind::pack, step::kind::ship})
      accepted &= all.submit(id, {what}) == convoy::submit_status::accepted;
    all.fence(id, [reminder]() mutable { reminder.cancel(); });
  }
  const auto account = all.shutdown(1min);

  for (const auto& [id, how] : shipped)
    std::cout << id << " shipped " << how << '\n';
  std::cout << account.completed << " steps done, " << account.dead_letters << " dead letters, "
            << account.discarded << " reminders cancelled\n";
  return accepted && shipped.size() == 2 && account.dead_letters == 3 && account.balanced() ? 0 : 1;
}
