#include <convoy/convoy.hpp>
#include <iostream>

// Transfers beside the bank: each is handled once, when it is its turn in both accounts, and nobody sees the money of
// one between them.

struct entry {
  long amount;
};

int main() {
  using convoy::outcome;
  convoy::runtime rt;
  int refused = 0; // dead letters come one at a time here: all of them are of one account

  // [readme]
  convoy::processor<int, entry, long> bank{
      rt,
      [](const int&, entry& e, long& balance) { balance += e.amount; },
      {.dead_letters = [&](auto& letter) { refused += letter.reason == "not enough money"; },
       .joint = [](convoy::joint<int, long>& accounts, entry& e) -> outcome {
         long& from = accounts.state(0);
         long& to = accounts.state(1);
         if (from < e.amount)
           return outcome::skip.because("not enough money"); // one dead letter; both go on
         from -= e.amount;
         to += e.amount;
         return outcome::done;
       }}};

  bool accepted = bank.submit(1, {100}) == convoy::submit_status::accepted;
  // after the 100, before what comes next in either account
  accepted &= bank.submit_joint({1, 2}, {70}) == convoy::submit_status::accepted;
  accepted &= bank.submit_joint({1, 2}, {70}) == convoy::submit_status::accepted; // 30 are left
  accepted &= bank.submit_joint({2, 3}, {70}) == convoy::submit_status::accepted;
  // [/readme]
  bank.drain();

  const auto all = bank.account();
  std::cout << all.completed << " booked, " << refused << " refused\n";
  return accepted && all.completed == 3 && refused == 1 ? 0 : 1;
}
