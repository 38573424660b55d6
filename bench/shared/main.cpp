// convoy_shared: one hot key, most of whose messages only read. What the run takes, against the least
// that the order allows with so many workers, and against the same messages one by one. Handlers sleep,
// so it does not matter how many cores there are.

#include "harness/registry.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

struct access_to_key {
  bool is_shared;
};

} // namespace
} // namespace bench

template <>
struct convoy::message_traits<bench::access_to_key> {
  static convoy::access access(const bench::access_to_key& m) noexcept {
    return m.is_shared ? access::shared : access::exclusive;
  }
};

namespace bench {
namespace {

constexpr unsigned most_at_once = 16; // workers
constexpr std::chrono::milliseconds service{1};

std::uint64_t count_of_messages() {
  const char* const given = std::getenv("CONVOY_BENCH_MESSAGES");
  return given != nullptr ? std::min<std::uint64_t>(std::strtoull(given, nullptr, 10) / 10, 2'000)
                          : 2'000;
}

/// The least number of handlers one after the other: an exclusive message is one, and so are up to
/// `most_at_once` shared ones that lie next to each other.
std::uint64_t longest_path(const std::vector<bool>& shared) {
  std::uint64_t path = 0;
  std::uint64_t run = 0;
  for (const bool each : shared) {
    if (!each || run % most_at_once == 0)
      ++path;
    run = each ? run + 1 : 0;
  }
  return path;
}

/// Handlers that overlap though they must not, and the number of those that ran.
class overlap_check {
public:
  void begin(bool is_shared) {
    const auto others = is_shared ? writers_.load() : readers_.load() + writers_.load();
    overlaps_ += others != 0;
    ++(is_shared ? readers_ : writers_);
  }
  void end(bool is_shared) {
    --(is_shared ? readers_ : writers_);
    ++ended_;
  }
  [[nodiscard]] bool is_well(std::uint64_t messages) const {
    return overlaps_ == 0 && ended_ == messages;
  }

private:
  std::atomic<int> readers_{0}, writers_{0}, overlaps_{0};
  std::atomic<std::uint64_t> ended_{0};
};

void one_hot_key(benchmark::State& state, int percent, bool is_exclusive) {
  std::mt19937_64 random(1);
  std::vector<bool> shared;
  for (std::uint64_t i = 0; i < count_of_messages(); ++i)
    shared.push_back(static_cast<int>(random() % 100) < percent);
  const auto path = longest_path(shared);
  std::atomic<std::int64_t> slept{0};
  overlap_check check;
  convoy::runtime rt{{.concurrency = most_at_once}};
  convoy::processor<int, access_to_key> p{rt, [&](access_to_key& m) {
                                            check.begin(m.is_shared);
                                            const auto begin = clock::now();
                                            std::this_thread::sleep_for(service);
                                            slept += (clock::now() - begin).count();
                                            check.end(m.is_shared);
                                          }};
  double taken = 0;
  for (auto _ : state) {
    const auto begin = clock::now();
    for (const bool each : shared)
      if (p.submit(1, access_to_key{each && !is_exclusive}) != convoy::submit_status::accepted)
        std::abort();
    p.drain();
    const std::chrono::duration<double> took = clock::now() - begin;
    state.SetIterationTime(took.count());
    taken += took.count();
  }
  const auto runs = static_cast<double>(state.iterations());
  const auto messages = static_cast<double>(shared.size());
  const auto mean = static_cast<double>(slept) * 1e-9 / (runs * messages);
  const auto bound = (is_exclusive ? messages : static_cast<double>(path)) * mean;
  state.counters["bound_s"] = bound; // of handlers that take as long as these took in the mean
  state.counters["efficiency"] = bound / (taken / runs);
  state.counters["allowed_speedup"] = messages / static_cast<double>(path);
  if (!check.is_well(shared.size() * static_cast<std::uint64_t>(state.iterations())))
    fail(state, "an exclusive message was not alone, or one was lost");
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
  for (const int percent : {50, 95, 99})
    for (const bool is_exclusive : {false, true})
      bench::add("shared_hot_key", is_exclusive ? "convoy_exclusive" : "convoy",
                 "percent:" + std::to_string(percent), [=](benchmark::State& state) {
                   bench::one_hot_key(state, percent, is_exclusive);
                 });
  return bench::run(argc, argv);
}
