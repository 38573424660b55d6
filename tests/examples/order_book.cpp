#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <thread>

// Books of orders, one for each symbol. Most messages only ask for a price and take their time to
// answer; they are handled at the same time, and yet each sees exactly the orders that were submitted
// before it.

// [readme]
struct request {
  enum class kind { add, quote } what;
  int price = 0;  // of an order that is added
  int expect = 0; // what a quote must find
};

template <>
struct convoy::message_traits<request> {
  static convoy::access access(const request& r) noexcept {
    return r.what == request::kind::quote ? access::shared : access::exclusive;
  }
};

using book = std::map<int, int>; // orders by price

struct desk {
  void operator()(const std::string& /*symbol*/, request& r, book& orders) const {
    ++orders[r.price]; // alone
  }
  void operator()(const std::string& /*symbol*/, request& r, const book& orders) const {
    answer(r, orders.rbegin()->first); // beside other quotes
  }
  // [/readme]
  void answer(const request& r, int best) const {
    const int now = ++*running;
    for (int known = *most; known < now && !most->compare_exchange_weak(known, now);) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2)); // the network
    *wrong += best != r.expect;
    --*running;
  }

  std::atomic<int>*running, *most, *wrong;
};

int main() {
  std::atomic<int> running{0}, most_at_once{0}, wrong{0};
  convoy::runtime rt{{.concurrency = 8}};

  convoy::processor<std::string, request, book> books{
      rt,
      desk{&running, &most_at_once, &wrong},
      {.most_shared = 6}}; // two workers for other symbols

  const auto begin = std::chrono::steady_clock::now();
  constexpr int orders = 10;
  constexpr int quotes = 20; // between two of them
  for (int price = 1; price <= orders; ++price) {
    if (books.submit("apple", {request::kind::add, price}) != convoy::submit_status::accepted)
      return EXIT_FAILURE;
    for (int i = 0; i < quotes; ++i)
      if (books.submit("apple", {request::kind::quote, 0, price}) !=
          convoy::submit_status::accepted)
        return EXIT_FAILURE;
  }
  books.drain();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;

  std::cout << orders * quotes << " quotes of 2 ms and " << orders << " orders of one symbol took "
            << static_cast<int>(took.count()) << " ms; " << most_at_once << " quotes at once, and "
            << wrong << " saw another book than they should\n";
  return wrong == 0 && most_at_once > 1 && most_at_once <= 6 ? EXIT_SUCCESS : EXIT_FAILURE;
}
