#include <algorithm>
#include <chrono>
#include <cmath>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

// What is timed, what it stands for, and what becomes of it: with times that the test makes up.

namespace {

using convoy::detail::merged_keys;
using convoy::detail::time_histogram;
using convoy::detail::top_keys;
using convoy::detail::window_sums;
using convoy::detail::worker_samples;
using std::chrono::nanoseconds;
using time_point = std::chrono::steady_clock::time_point;

TEST(top_keys, are_exact_as_long_as_there_is_room) {
  top_keys keys;
  for (std::uint64_t i = 0; i < 3 * top_keys::most; ++i)
    (void)keys.add(i % top_keys::most, 1, 0);
  ASSERT_EQ(keys.entries().size(), top_keys::most);
  for (const auto& each : keys.entries()) {
    EXPECT_EQ(each.value, 3);
    EXPECT_EQ(each.error, 0);
  }
}

TEST(top_keys, know_how_wrong_they_are) {
  top_keys keys;
  std::mt19937_64 random(5);
  std::vector<double> truth(5'000);
  for (int i = 0; i < 100'000; ++i) {
    const auto key = static_cast<std::size_t>(
        std::pow(5'000.0, std::generate_canonical<double, 53>(random)) - 1);
    truth[key] += 1;
    (void)keys.add(key, 1, 0);
  }
  for (const auto& each : keys.entries()) {
    EXPECT_LE(truth[each.hash], each.value);
    EXPECT_GE(truth[each.hash], each.value - each.error);
  }
  for (std::size_t key = 0; key < truth.size(); ++key) {
    const bool is_there = std::any_of(keys.entries().begin(), keys.entries().end(),
                                      [&](const auto& each) { return each.hash == key; });
    if (!is_there) {
      EXPECT_LE(truth[key], keys.least());
    }
  }
}

TEST(time_histogram, has_percentiles_within_six_percent) {
  time_histogram histogram;
  for (int i = 1; i <= 10'000; ++i)
    histogram.add(i * 1'000, 2);
  const auto is = histogram.figures();
  EXPECT_NEAR(static_cast<double>(is.p50.count()), 5e6, 0.07 * 5e6);
  EXPECT_NEAR(static_cast<double>(is.p99.count()), 9.9e6, 0.07 * 9.9e6);
  EXPECT_EQ(is.max, nanoseconds(10'000'000));
  EXPECT_NEAR(static_cast<double>(is.mean.count()), 5'000'500, 1);
}

TEST(time_histogram, takes_any_time) {
  time_histogram histogram;
  for (const auto ns : {std::int64_t{-5}, std::int64_t{0}, std::int64_t{15}, std::int64_t{16},
                        std::int64_t{1} << 62})
    histogram.add(ns, 1);
  EXPECT_EQ(histogram.figures().max, nanoseconds(std::int64_t{1} << 62));
  EXPECT_EQ(histogram.figures().p50, nanoseconds(15));
}

/// A worker that handles one message after the other.
class worker {
public:
  void handle(std::uint64_t key, nanoseconds takes) {
    const bool timed = samples.must_time(1);
    if (timed)
      samples.begin(key, now, now, std::string());
    now += takes;
    if (timed)
      samples.end(now, 1, 0);
    else
      samples.pass(1);
    timed_ += timed;
  }
  std::unique_ptr<window_sums> take() {
    auto sums = std::make_unique<window_sums>();
    (void)samples.take(sums, now);
    return sums;
  }
  [[nodiscard]] int timed() const { return timed_; }

  worker_samples samples;
  time_point now{std::chrono::hours(1)};

private:
  int timed_ = 0;
};

TEST(worker_samples, times_each_slow_message) {
  worker w;
  for (int i = 0; i < 1'000; ++i)
    w.handle(static_cast<std::uint64_t>(i % 3), std::chrono::microseconds(200));
  EXPECT_EQ(w.timed(), 1'000);
  const auto sums = w.take();
  EXPECT_DOUBLE_EQ(sums->service, 200e6);
  EXPECT_EQ(sums->messages, 1'000);
  EXPECT_EQ(w.take()->messages, 0);
}

TEST(worker_samples, times_few_cheap_messages) {
  worker w;
  for (int i = 0; i < 1'000'000; ++i)
    w.handle(0, nanoseconds(50));
  EXPECT_LT(w.timed(), 1'000);
  EXPECT_GT(w.timed(), 150);
  EXPECT_NEAR(w.take()->service, 50e6, 0.15 * 50e6);
}

TEST(worker_samples, counts_what_still_runs) {
  worker w;
  for (int i = 0; i < 3; ++i)
    w.handle(1, std::chrono::milliseconds(1));
  ASSERT_TRUE(w.samples.must_time(1));
  w.samples.begin(2, w.now, w.now, std::string("long"));
  w.now += std::chrono::milliseconds(7);
  auto sums = std::make_unique<window_sums>();
  EXPECT_TRUE(w.samples.take(sums, w.now));
  EXPECT_DOUBLE_EQ(sums->service, 10e6);
  EXPECT_EQ(sums->messages, 3);
  w.now += std::chrono::milliseconds(2);
  w.samples.end(w.now, 1, 0);
  sums->clear();
  EXPECT_FALSE(w.samples.take(sums, w.now));
  EXPECT_DOUBLE_EQ(sums->service, 2e6);
  EXPECT_EQ(sums->messages, 1);
  EXPECT_EQ(sums->by_service.entries().front().label, "long");
}

/// Several workers, keys with Zipf's law, each with a handler time of its own: in how many windows
/// does the interval of a key with 1 % of the service time or more hold the truth?
struct coverage {
  int keys = 0, listed = 0, held = 0;
};
coverage cover(double theta, double mean_ns, int windows) {
  constexpr int workers = 4;
  constexpr double population = 1e7;
  std::mt19937_64 random(static_cast<std::uint64_t>(theta * 100 + mean_ns));
  std::vector<worker> all(workers);
  coverage result;
  for (int window = 0; window < windows; ++window) {
    std::vector<double> truth(1'000); // of those that may matter
    double total = 0;
    for (auto& w : all) {
      const auto end = w.now + std::chrono::milliseconds(250);
      while (w.now < end) {
        const auto u = std::generate_canonical<double, 53>(random);
        // The inverse of the integral of x^-theta from 1 to the population.
        const auto power = 1 - theta;
        const auto x = std::abs(power) < 1e-9
                           ? std::pow(population, u)
                           : std::pow(1 + u * (std::pow(population, power) - 1), 1 / power);
        const auto key =
            static_cast<std::uint64_t>(x) + static_cast<std::uint64_t>(window % 3); // churn
        const auto scale = key % 7 == 0 ? 8.0 : 0.5;
        const auto takes = nanoseconds(std::llround(
            1 + mean_ns * scale * -std::log(1 - std::generate_canonical<double, 53>(random))));
        w.handle(key, takes);
        total += static_cast<double>(takes.count());
        if (key < truth.size())
          truth[key] += static_cast<double>(takes.count());
      }
    }
    merged_keys merged;
    double sum = 0;
    for (auto& w : all) {
      const auto sums = w.take();
      merged.add(sums->by_service);
      sum += sums->service;
    }
    const auto top = merged.sorted();
    for (std::size_t key = 0; key < truth.size(); ++key) {
      const auto share = truth[key] / total;
      if (share < 0.01)
        continue;
      ++result.keys;
      for (const auto& each : top) {
        if (each.hash != key)
          continue;
        ++result.listed;
        const auto margin = 2.5 * std::sqrt(each.variance) + 0.01 * each.value;
        result.held += share >= (each.value - each.error - margin) / sum &&
                       share <= (each.value + each.missing + margin) / sum;
      }
    }
  }
  return result;
}

TEST(worker_samples, intervals_hold_the_truth_in_94_of_100_windows) {
  coverage all;
  for (const auto theta : {0.8, 1.0, 1.2, 1.5}) {
    for (const auto mean : {1'000.0, 20'000.0, 500'000.0}) {
      const auto is = cover(theta, mean, 6);
      EXPECT_EQ(is.listed, is.keys) << theta << ", " << mean;
      all.keys += is.keys;
      all.held += is.held;
    }
  }
  EXPECT_GE(all.held, 0.94 * all.keys) << all.held << " of " << all.keys;
}

} // namespace
