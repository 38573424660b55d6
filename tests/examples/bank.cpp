#include <chrono>
#include <convoy/convoy.hpp>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

// A bank: what is booked on an account is booked in order, whatever goes wrong. An account that can't
// be booked is parked, with all that comes after, until somebody has had a look; the others go on.

struct booking {
  std::string what;
  long amount;
};

int main() {
  using namespace std::chrono_literals;
  using convoy::outcome;
  convoy::runtime rt;

  // [readme]
  bool ledger_is_back = false; // of account 7; touched while it is parked, or by its handler
  const auto book = [&](const int& account, booking& b, long& balance) {
    if (b.amount < 0 && balance + b.amount < 0)
      return outcome::skip.because("not enough money"); // a dead letter; the account goes on
    if (account == 7 && !ledger_is_back)
      throw std::runtime_error("the ledger of account 7 does not answer"); // is tried again
    balance += b.amount;
    return outcome::done;
  };

  int refused = 0; // account 8's: the dead letters of a key come one at a time, in order, too
  convoy::processor<int, booking, long> bank{
      rt,
      book,
      {.on_error = [](const int&, const std::exception_ptr&) {}, // each single attempt
       .failure =
           convoy::failure_policy{
               .attempts = 3, .backoff = 1ms, .ceiling = 100ms, .then = convoy::exhausted::park},
       .dead_letters = [&](auto& letter) { refused += letter.reason == "not enough money"; }}};
  // [/readme]

  bool accepted = true;
  const auto submit = [&](int account, const char* what, long amount) {
    accepted &= bank.submit(account, {what, amount}) == convoy::submit_status::accepted;
  };
  submit(7, "wages", 1000);
  submit(7, "rent", -400); // waits behind the wages, however often these are tried
  submit(8, "wages", 300);
  submit(8, "rent", -400); // refused: not enough
  submit(8, "gas", -50);

  while (bank.parked() == 0) // three attempts and two waits later
    std::this_thread::sleep_for(1ms);
  ledger_is_back = true;
  bank.resume(7);
  bank.drain();

  std::cout << refused << " refused, " << bank.dead_letters() << " dead letter\n";
  return accepted && refused == 1 && bank.dead_letters() == 1 ? 0 : 1;
}
