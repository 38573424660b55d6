#pragma once

// How long messages wait until their handler begins: from idle, and under a load that comes when it
// comes (open loop). Figures are in the counters; the time of an iteration is only how long it took.

#include "harness/run.hpp"
#include "workloads/throughput.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace bench {

/// The handler notes when it began. The message says by `producer` which of them it is.
class stopwatch : public observer {
public:
  explicit stopwatch(std::size_t messages) : began_(messages) {}
  void see(const message_head& m) override { began_[m.producer] = clock::now(); }

  /// Once all is handled.
  [[nodiscard]] clock::time_point began(std::size_t i) const { return began_[i]; }

private:
  std::vector<clock::time_point> began_;
};

class waits {
public:
  void add(clock::duration wait) {
    microseconds_.push_back(std::chrono::duration<double, std::micro>(wait).count());
  }

  /// Sorts, and puts the percentiles into the benchmark's counters.
  void report(benchmark::State& state) {
    std::sort(microseconds_.begin(), microseconds_.end());
    state.counters["p50_us"] = at(0.5);
    state.counters["p90_us"] = at(0.9);
    state.counters["p99_us"] = at(0.99);
    state.counters["p99.9_us"] = at(0.999);
    state.counters["max_us"] = at(1);
  }

private:
  [[nodiscard]] double at(double share) const {
    const auto last = static_cast<double>(microseconds_.size() - 1);
    return microseconds_[static_cast<std::size_t>(std::lround(share * last))];
  }
  std::vector<double> microseconds_;
};

/// One message at a time, each to a key of its own, after `idle` without any. Several subjects one
/// after the other: where a worker happens to sleep, on the producer's core or another, stays so
/// for the life of a thread and makes more of a difference than whose thread it is.
template <class Subject>
void wake_up(benchmark::State& state, const traits& t, std::chrono::milliseconds idle) {
  const auto l = sized({.keys = uniform_1000});
  constexpr int lives = 10;
  const auto count = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      400 / lives / static_cast<std::uint64_t>(idle.count()), 4, l.messages / 50));
  using running_type = running<Subject, std::uint64_t, message<16>>;
  {
    running_type run(l);
    if (!proved(state, t, "wake_up/" + t.name, run))
      return;
  }
  waits all;
  for (auto _ : state) {
    const auto begin = clock::now();
    for (int life = 0; life < lives; ++life) {
      running_type run(l);
      stopwatch watch(count + 1);
      run.handle().watched_by = &watch;
      for (std::uint32_t i = 0; i <= count; ++i) {
        std::this_thread::sleep_for(idle);
        message<16> m{};
        m.number = 1;
        m.key = i;
        m.producer = i;
        const auto sent = clock::now();
        run.submit_one(m.key, m);
        if (!run.await(1))
          return fail(state, "a message was lost");
        if (i > 0) // the first one may start threads
          all.add(watch.began(i) - sent);
      }
      run.handle().watched_by = nullptr;
    }
    state.SetIterationTime(seconds(clock::now() - begin).count());
  }
  all.report(state);
}

/// When each message is due, after the begin: a Poisson process.
inline std::vector<clock::duration> arrivals(std::size_t count, double per_second) {
  std::mt19937_64 random(7);
  std::vector<clock::duration> due(count);
  double now = 0;
  for (auto& at : due) {
    now -= std::log(1 - static_cast<double>(random() >> 11) * 0x1p-53) / per_second;
    at = std::chrono::duration_cast<clock::duration>(seconds(now));
  }
  return due;
}

/// Spins for the last stretch, since a sleep may take that long. So the producer has a core of its
/// own most of the time, and on a small machine the workers have one less, with every subject.
inline void wait_until(clock::time_point due) {
  constexpr std::chrono::microseconds sleep_takes(100);
  if (const auto now = clock::now(); due - now > sleep_takes)
    std::this_thread::sleep_until(due - sleep_takes);
  while (clock::now() < due) {
  }
}

/// Messages per second that the subject handles when they come as fast as it takes them; the median
/// of three.
template <class Running>
double sustainable_rate(Running& run) {
  std::vector<double> rates;
  for (int i = 0; i < 3; ++i) {
    const auto begin = run.stream_all();
    if (!run.drain(run.loaded().messages))
      return 0;
    rates.push_back(static_cast<double>(run.loaded().messages) /
                    seconds(clock::now() - begin).count());
  }
  std::sort(rates.begin(), rates.end());
  return rates[1];
}

/// Messages come at a share of what the subject sustains, and wait from when they are due: if the
/// producer is late, because submitting takes long, that counts.
template <class Subject>
void open_loop(benchmark::State& state, const traits& t, const load& wanted, int percent) {
  const auto l = sized(wanted);
  running<Subject, std::uint64_t, message<16>> run(l);
  if (!proved(state, t, "open_loop/" + t.name + l.keys.name(), run))
    return;
  const auto sustainable = sustainable_rate(run);
  if (sustainable == 0)
    return fail(state, "messages lost or handled twice");
  const auto rate = sustainable * percent / 100;
  const auto count = std::clamp<std::size_t>(static_cast<std::size_t>(rate / 2), 1'000, l.messages);
  const auto due = arrivals(count, rate);
  const auto keys = draw_keys(l.keys, count);

  waits all;
  for (auto _ : state) {
    stopwatch watch(count);
    run.handle().watched_by = &watch;
    const auto begin = clock::now();
    produce(*run, [&](auto& to) {
      for (std::uint32_t i = 0; i < count; ++i) {
        message<16> m{};
        m.number = 1;
        m.key = keys[i];
        m.producer = i;
        wait_until(begin + due[i]);
        to.submit(m.key, m);
      }
    });
    if (!run.await(count))
      return fail(state, "messages lost or handled twice");
    state.SetIterationTime(seconds(clock::now() - begin).count());
    run.handle().watched_by = nullptr;
    for (std::uint32_t i = 0; i < count; ++i)
      all.add(watch.began(i) - (begin + due[i]));
  }
  all.report(state);
  state.counters["sustainable_rate"] = sustainable;
}

template <template <class, class> class Subject>
void add_latency(const traits& t) {
  using type = Subject<std::uint64_t, message<16>>;
  for (const auto idle : {std::chrono::milliseconds(1), std::chrono::milliseconds(20)})
    add("wake_up", t.name, "idle:" + std::to_string(idle.count()) + "ms",
        [t, idle](benchmark::State& state) { wake_up<type>(state, t, idle); });
  for (const auto& keys : {zipf_10000, zipf_1000})
    for (const int percent : {10, 50, 90})
      add("open_loop", t.name, keys.name() + "/cost:1000ns/load:" + std::to_string(percent),
          [t, keys, percent](benchmark::State& state) {
            open_loop<type>(state, t, {.keys = keys, .cost = std::chrono::microseconds(1)},
                            percent);
          });
}

} // namespace bench
