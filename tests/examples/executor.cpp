// [readme]
#include <convoy/convoy.hpp>
#include <future>
#include <iostream>

int main() {
  convoy::runtime rt;
  int balance = 0; // account 7's: what runs for one account runs in order, one at a time

  convoy::keyed_executor<int> accounts{rt};
  for (int i = 0; i < 100; ++i)
    if (accounts.submit(7, [&] { balance += 10; }) != convoy::submit_status::accepted)
      return 1;
  std::future<int> seen = accounts.async(7, [&] { return balance; }); // after all deposits

  std::cout << "balance: " << seen.get() << '\n';
  return balance == 1000 ? 0 : 1;
}
// [/readme]
