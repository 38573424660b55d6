#include <chrono>
#include <convoy/convoy.hpp>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

// Orders of a customer are shipped one after the other. Each asks the store, and calls a service that answers
// some time later on a thread of its own; no worker waits for either.

struct question {
  int pieces;
  convoy::completion<bool> answer = {};
};

/// Any API that calls back.
template <class Done>
void call_service(const std::string& what, Done done) {
  std::thread([what, done = std::move(done)]() mutable {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    done("parcel of " + what);
  }).detach();
}

struct order {
  std::string what;
  int pieces;
};

int main() {
  using namespace std::chrono_literals;
  convoy::runtime rt;
  int shipped = 0;

  // [readme]
  convoy::processor<std::string, question, int> stock{
      rt, [](const std::string&, question& q, int& sold) { q.answer((sold += q.pieces) <= 100); }};

  using processor = convoy::processor<std::string, order>;
  const auto ship = [&](processor::context& customer, order& o) -> convoy::task {
    question pieces{o.pieces};
    if (!co_await stock.ask(customer, o.what, std::move(pieces)))
      co_return; // sold out
    const auto call = [&](convoy::completion<std::string> done) {
      call_service(o.what, std::move(done)); // calls back on a thread of its own
    };
    const std::string parcel = co_await convoy::callback<std::string>(call);
    co_await convoy::sleep(1ms);
    shipped += parcel == "parcel of apples";
  };
  processor orders{rt, ship, {.suspended = {.most = 100'000, .limit = 30s}}};
  // [/readme]

  bool accepted = true;
  for (int i = 0; i < 10; ++i)
    accepted &= orders.submit("Ada", {"apples", 20}) == convoy::submit_status::accepted;
  orders.drain();
  std::cout << shipped << " shipped\n";
  return accepted && shipped == 5 ? 0 : 1;
}
