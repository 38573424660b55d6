#include "harness/workload.hpp"

#include "harness/handler.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

namespace bench {

std::string distribution::name() const {
  if (keys == 1)
    return "one_key";
  if (theta == 0)
    return "uniform_" + std::to_string(keys);
  auto skew = std::to_string(theta); // with zeros at its end
  skew.erase(skew.find_last_not_of('0') + 1);
  return "zipf_" + skew + "_" + std::to_string(keys);
}

load sized(load wanted) {
  static const auto usual = [] {
    const char* const given = std::getenv("CONVOY_BENCH_MESSAGES");
    return given != nullptr ? std::max<std::uint64_t>(std::strtoull(given, nullptr, 10), 1'000)
                            : 1'000'000;
  }();
  if (wanted.messages == 0)
    wanted.messages = wanted.cost >= std::chrono::microseconds(1) ? 200'000 : 1'000'000;
  wanted.messages = std::min(wanted.messages, usual);
  wanted.keys.keys = static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted.keys.keys, usual));
  return wanted;
}

std::vector<std::uint32_t> draw_keys(const distribution& from, std::uint64_t count) {
  std::mt19937_64 random(20240607);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  std::vector<std::uint32_t> drawn(count);
  if (from.theta == 0) {
    for (auto& key : drawn)
      key = static_cast<std::uint32_t>(uniform() * from.keys);
    return drawn;
  }
  std::vector<double> up_to(from.keys); // the cumulative weights
  double sum = 0;
  for (std::uint32_t i = 0; i < from.keys; ++i)
    up_to[i] = sum += std::pow(i + 1, -from.theta);
  for (auto& key : drawn)
    key = static_cast<std::uint32_t>(
        std::upper_bound(up_to.begin(), up_to.end() - 1, uniform() * sum) - up_to.begin());
  return drawn;
}

std::uint64_t rounds_for(std::chrono::nanoseconds cost) {
  static const double rounds_per_nanosecond = [] {
    constexpr std::uint64_t rounds = 1'000'000;
    auto best = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 10; ++i) { // the fastest: the others were interrupted, or before warming up
      const auto begin = std::chrono::steady_clock::now();
      compute(rounds);
      best = std::min(best, std::chrono::steady_clock::now() - begin);
    }
    return rounds / std::chrono::duration<double, std::nano>(best).count();
  }();
  return static_cast<std::uint64_t>(static_cast<double>(cost.count()) * rounds_per_nanosecond);
}

} // namespace bench
