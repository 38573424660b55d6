// Which key is hot, what its messages wait for, and what splitting it gains. One customer of a shop sends
// a third of all orders.

#include <algorithm>
#include <chrono>
#include <convoy/convoy.hpp>
#include <iostream>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

constexpr unsigned workers = 8;
constexpr int orders = 3'000;

/// Of a customer, in so many parts: orders of different parts need no order among each other.
std::string key_of(int order, int parts) {
  if (order % 3 != 0)
    return "customer " + std::to_string(order * 7 % 200);
  return parts == 1 ? "big" : "big, part " + std::to_string(order / 3 % parts);
}

/// Takes all orders; what the processor says of itself.
convoy::snapshot take(int parts, std::chrono::duration<double>& took) {
  convoy::runtime rt{{.concurrency = workers}};
  const auto handle = [](int&) { std::this_thread::sleep_for(500us); };
  // [readme]
  convoy::processor<std::string, int> p{
      rt,
      handle,
      {.name = "orders", .insight = {.top = 5, .window = 150ms, .label = convoy::plain}}};
  // [/readme]
  const auto begun = std::chrono::steady_clock::now();
  for (int order = 0; order < orders; ++order)
    if (p.submit(key_of(order, parts), order) != convoy::submit_status::accepted)
      return {};
  convoy::snapshot first;
  while (first.window == 0s) { // of the first window, as all are alike
    std::this_thread::sleep_for(5ms);
    first = p.snapshot();
  }
  p.drain();
  took = std::chrono::steady_clock::now() - begun;
  return first;
}

void show(const convoy::snapshot& is) {
  std::cout << "  workers busy " << static_cast<int>(100 * is.utilisation)
            << " %; of their time messages wait " << static_cast<int>(100 * is.wait.own_key)
            << " % for others of their key, " << static_cast<int>(100 * is.wait.scheduler)
            << " % for a worker\n";
  for (const auto& key : is.hottest)
    std::cout << "  " << key.label << ": " << static_cast<int>(100 * key.share + 0.5)
              << " % of the work (" << static_cast<int>(100 * key.low) << " to "
              << static_cast<int>(100 * key.high + 0.99) << "), " << key.depth << " wait\n";
}

} // namespace

int main() {
  std::chrono::duration<double> one{}, four{};
  std::cout << "as they come:\n";
  const auto before = take(1, one);
  show(before);
  const auto& hot = before.hottest.front();
  // All takes as long as the hottest key alone, or as all work on all workers: what was done, and
  // what waits.
  const std::chrono::duration<double> window = before.window;
  const auto done = window * before.utilisation;
  const auto alone = done * workers * hot.share + hot.to_drain;
  const auto shared = done + before.handler.mean * before.backlog / static_cast<double>(workers);
  using seconds = std::chrono::duration<double>;
  const seconds as_it_is = std::max(alone, shared);
  const seconds split = std::max(alone / 4, shared);
  std::cout << "  predicted: " << as_it_is.count() << " s; with \"" << hot.label
            << "\" in four parts " << split.count() << " s\n";
  std::cout << "in four parts:\n";
  show(take(4, four));
  std::cout << "  measured: " << one.count() << " s; in four parts " << four.count() << " s\n";
  const bool is_right = split < as_it_is / 2 && four < one / 1.5;
  return hot.label == "big" && is_right ? 0 : 1;
}
