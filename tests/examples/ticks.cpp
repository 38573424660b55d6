// Market ticks come faster than a symbol's book can be worked out: only what a symbol is worth now matters.

#include <algorithm>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <iostream>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

struct quote {
  double bid, ask;
  double low = bid, high = bid; // since the last one that was handled
};

} // namespace

int main() {
  convoy::runtime rt{{.concurrency = 2}};
  double last = 0, high = 0; // of the busy symbol: touched by its handlers only
  const auto reprice = [&](const std::string& symbol, quote& q) {
    std::this_thread::sleep_for(1ms);
    if (symbol != "ACME")
      return;
    last = q.bid;
    high = std::max(high, q.high);
  };

  // [readme]
  const auto merge = [](quote& waiting, quote& next) { // `waiting` becomes what both mean
    waiting = {next.bid, next.ask, std::min(waiting.low, next.low),
               std::max(waiting.high, next.high)};
  };
  convoy::processor<std::string, quote> quotes{rt, reprice, {.conflate = merge}};
  // [/readme]

  for (int i = 0; i < 10'000; ++i) { // a hundred times what it can take
    const double bid = i == 5'000 ? 120 : 100 + i % 10;
    if (quotes.submit("ACME", {bid, bid + 0.1}) != convoy::submit_status::accepted)
      return 1;
    if (i % 1'000 == 0 && quotes.submit("QUIET", {bid, bid + 1}) != convoy::submit_status::accepted)
      return 1;
    std::this_thread::sleep_for(5us);
  }
  const auto is = quotes.shutdown(10s);

  std::cout << is.accepted << " quotes: " << is.completed << " were handled, " << is.conflated
            << " were merged into others; the last one is " << last << ", the highest " << high
            << '\n';
  return is.balanced() && is.conflated > 1'000 && last > 108.9 && high > 119.9 ? 0 : 1;
}
