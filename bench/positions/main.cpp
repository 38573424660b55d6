// convoy_positions: what a position costs a reader that keeps a convoy::watermark: deliver, finish and
// a share of collect. `floor` does all but that: what it takes is the loop's and the hand-over's.

#include "harness/registry.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <convoy/watermark.hpp>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

using convoy::watermark;
using clock = std::chrono::steady_clock;
using number = watermark::number;

constexpr std::size_t capacity = 1 << 16;
constexpr std::uint64_t collect_each = 256; // positions: a reader's poll or batch

/// The same calls, and nothing behind them.
class floor_of_watermark {
public:
  explicit floor_of_watermark(std::size_t /*capacity*/) {}
  number deliver(std::uint64_t position) const { return static_cast<number>(position % capacity); }
  void finish(number which) const { benchmark::DoNotOptimize(which); }
  std::size_t collect() const { return 0; }
  [[nodiscard]] std::uint64_t lowest(std::uint64_t end) const { return end; }
};

class convoy_watermark {
public:
  explicit convoy_watermark(std::size_t most) : marks_(most) {}
  number deliver(std::uint64_t position) { return marks_.deliver(position).value(); }
  void finish(number which) { marks_.finish(which); }
  std::size_t collect() { return marks_.collect(); }
  [[nodiscard]] std::uint64_t lowest(std::uint64_t /*end*/) const { return marks_.lowest(); }

private:
  watermark marks_;
};

std::uint64_t positions() {
  const char* const given = std::getenv("CONVOY_BENCH_MESSAGES");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 10'000'000;
}

/// Of all threads: what a machine that others use as well can say.
double cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

class stopwatch {
public:
  void report(benchmark::State& state, std::uint64_t count) const {
    const std::chrono::duration<double> took = clock::now() - begin_;
    const double cpu = cpu_time() - cpu_begin_;
    state.SetIterationTime(took.count());
    state.counters["ns_per_position"] = took.count() * 1e9 / static_cast<double>(count);
    state.counters["cpu_ns_per_position"] = cpu * 1e9 / static_cast<double>(count);
  }

private:
  double cpu_begin_ = cpu_time();
  clock::time_point begin_ = clock::now();
};

/// As many as `window` are unfinished; they finish in the order of `shuffle`, again and again. With
/// `stuck` the first one never does.
template <class Subject>
void on_one_thread(benchmark::State& state, std::size_t window, bool in_order, bool stuck) {
  std::vector<std::size_t> order(window);
  for (std::size_t i = 0; i < window; ++i)
    order[i] = i;
  if (!in_order)
    std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  const auto rounds = std::max<std::uint64_t>(positions() / window, 1);
  std::vector<number> numbers(window);
  for (auto _ : state) {
    Subject marks(capacity);
    std::uint64_t position = 0;
    number highest = 0;
    if (stuck)
      highest = marks.deliver(position++);
    const stopwatch watch;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (auto& each : numbers)
        each = marks.deliver(position++);
      for (std::size_t i = 0; i < window; ++i) {
        marks.finish(numbers[order[i]]);
        if (i % collect_each == collect_each - 1)
          marks.collect();
      }
      marks.collect();
      if (stuck)
        highest = std::max(highest, *std::max_element(numbers.begin(), numbers.end()));
    }
    watch.report(state, rounds * window);
    if (marks.lowest(stuck ? 0 : position) != (stuck ? 0 : position))
      fail(state, "a position was lost");
    if (stuck)
      state.counters["slots"] = static_cast<double>(highest) + 1;
  }
}

/// Numbers on their way from the reader to one thread that finishes.
class alignas(64) ring {
public:
  static constexpr std::uint64_t size = 1 << 12, batch = 64;

  void push(number which) {
    while (mine_ - seen_ == size)
      if (seen_ = taken_.load(std::memory_order_acquire); mine_ - seen_ == size)
        std::this_thread::yield();
    items_[mine_++ % size] = which;
    if (mine_ % batch == 0)
      pushed_.store(mine_, std::memory_order_release);
  }
  void end() {
    pushed_.store(mine_, std::memory_order_release);
    ended_.store(true, std::memory_order_release);
  }
  template <class Each>
  void take_all(Each each) {
    for (std::uint64_t at = 0;;) {
      const bool was_last = ended_.load(std::memory_order_acquire);
      const auto until = pushed_.load(std::memory_order_acquire);
      if (at == until) {
        if (was_last)
          return;
        std::this_thread::yield();
      }
      for (; at != until; ++at)
        each(items_[at % size]);
      taken_.store(at, std::memory_order_release);
    }
  }

private:
  std::uint64_t mine_ = 0, seen_ = 0; // the reader's
  std::array<number, size> items_{};
  alignas(64) std::atomic<std::uint64_t> pushed_{0};
  std::atomic<bool> ended_{false};
  alignas(64) std::atomic<std::uint64_t> taken_{0};
};

/// Two threads finish what the reader delivers to them in turns, run by run as partitions do.
template <class Subject>
void two_finishers(benchmark::State& state, std::uint64_t run_length) {
  const auto count = positions();
  for (auto _ : state) {
    Subject marks(capacity);
    std::array<ring, 2> rings;
    std::barrier start(3);
    std::vector<std::jthread> threads;
    for (auto& each : rings)
      threads.emplace_back([&] {
        start.arrive_and_wait();
        each.take_all([&](number which) { marks.finish(which); });
      });
    start.arrive_and_wait();
    const stopwatch watch;
    for (std::uint64_t i = 0; i < count; ++i) {
      rings[i / run_length % 2].push(marks.deliver(i));
      if (i % collect_each == collect_each - 1)
        marks.collect();
    }
    for (auto& each : rings)
      each.end();
    threads.clear();
    marks.collect();
    watch.report(state, count);
    if (marks.lowest(count) != count)
      fail(state, "a position was lost");
  }
}

template <class Subject>
void add_all_of(const std::string& name) {
  struct {
    std::size_t window;
    bool in_order;
  } windows[] = {{256, true}, {256, false}, {16'384, false}};
  for (const auto& [window, in_order] : windows)
    add("position", name, std::to_string(window) + (in_order ? "/in_order" : "/shuffled"),
        [window = window, in_order = in_order](benchmark::State& state) {
          on_one_thread<Subject>(state, window, in_order, false);
        });
  add("position_beside_a_stuck_one", name, "256/shuffled",
      [](benchmark::State& state) { on_one_thread<Subject>(state, 256, false, true); });
  for (const std::uint64_t run_length : {1u, 64u})
    add("position_of_two_threads", name, "runs_of_" + std::to_string(run_length),
        [run_length](benchmark::State& state) { two_finishers<Subject>(state, run_length); });
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
  bench::add_all_of<bench::convoy_watermark>("convoy");
  bench::add_all_of<bench::floor_of_watermark>("floor");
  return bench::run(argc, argv);
}
