// Which key is hot, why it does not move faster, and what splitting it gains: told beforehand, done, and
// measured. One customer of a shop sends a third of all orders.

#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <iostream>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using seconds = std::chrono::duration<double>;
using shop = convoy::processor<std::string, int>;

constexpr unsigned workers = 8;

void handle(int& /*order*/) {
  std::this_thread::sleep_for(500us);
}

/// So many of the big customer's, in so many parts, whose orders need no order among each other; and
/// of the others. Mixed.
bool submit(shop& orders, std::uint64_t big, std::uint64_t others, std::uint64_t parts) {
  for (std::uint64_t i = 0; i < big + others; ++i) {
    const bool is_big = i * big / (big + others) != (i + 1) * big / (big + others);
    const auto key = !is_big      ? "customer " + std::to_string(i * 7 % 200)
                     : parts == 1 ? "big"
                                  : "big, part " + std::to_string(i * big / (big + others) % parts);
    if (orders.submit(key, 0) != convoy::submit_status::accepted)
      return false;
  }
  return true;
}

void show(const convoy::snapshot& is) {
  std::cout << "workers are busy " << static_cast<int>(100 * is.utilisation)
            << " % of the time; messages wait " << static_cast<int>(100 * is.wait.own_key)
            << " % of theirs for others of their key, " << static_cast<int>(100 * is.wait.scheduler)
            << " % for a worker\n";
  for (const auto& key : is.hottest)
    std::cout << "  " << key.label << ": " << static_cast<int>(100 * key.share + 0.5)
              << " % of the work (" << static_cast<int>(100 * key.low) << " to "
              << static_cast<int>(100 * key.high + 0.99) << "), " << key.depth << " wait\n";
}

} // namespace

int main() {
  convoy::runtime rt{{.concurrency = workers}};
  // [readme]
  shop orders{rt,
              handle,
              {.name = "orders", .insight = {.top = 5, .window = 150ms, .label = convoy::plain}}};
  // [/readme]
  if (!submit(orders, 1'000, 2'000, 1))
    return 1;
  convoy::snapshot window;
  while (window.window == 0s) { // the first one is not over
    std::this_thread::sleep_for(5ms);
    window = orders.snapshot();
  }
  show(window);

  const auto hot = window.hottest.front().label;
  const auto why = orders.explain(hot);
  std::cout << "why does \"" << hot << "\" not move faster? " << to_string(why) << '\n';

  const auto split = orders.what_if(hot, {.split = 4});
  const seconds in_parts_takes = split.makespan.value(); // handlers have ended, so it is known
  const seconds takes = orders.what_if(hot).makespan.value();
  const auto asked = std::chrono::steady_clock::now();
  orders.drain();
  const seconds rest = std::chrono::steady_clock::now() - asked;
  std::cout << "what is left takes " << takes.count() << " s, it says; it took " << rest.count()
            << " s\n";

  shop in_parts{rt, handle}; // the same again, split
  const auto begun = std::chrono::steady_clock::now();
  if (!submit(in_parts, why.depth, split.backlog - why.depth, 4))
    return 1;
  in_parts.drain();
  const seconds in_fact = std::chrono::steady_clock::now() - begun;
  std::cout << "with \"" << hot << "\" in four parts " << in_parts_takes.count()
            << " s, it says; it took " << in_fact.count() << " s\n";
  return hot == "big" && in_parts_takes * 2 < takes && in_fact * 1.5 < rest ? 0 : 1;
}
