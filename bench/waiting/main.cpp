// What a suspended key costs: bytes beside its frame, allocations while keys wait and go on all the time, and
// how many of these steps a second. Handlers of 100,000 keys wait for a callback each; as one goes on it
// completes the one that has waited longest, so only workers take part.
//
//   convoy_waiting [--keys N] [--workers N] [--seconds S]

#include "costs/malloc_count.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct options {
  std::uint32_t keys = 100'000;
  unsigned workers = 2;
  double seconds = 2;
};

/// A key is completed by the one before it, around a ring, `apart` at a time.
class wheel {
public:
  wheel(std::uint32_t keys) : completions_(keys) {}

  void wait(std::uint32_t key, convoy::completion<> done) noexcept {
    completions_[key].store(done.release());
    if (stopped_.load()) // or stop() sees what was stored
      complete(key);
  }
  [[nodiscard]] bool waits(std::uint32_t key) const noexcept {
    return completions_[key].load(std::memory_order_acquire) != nullptr;
  }
  /// False: it does not wait yet.
  bool complete(std::uint32_t key) noexcept {
    auto* const done = completions_[key].exchange(nullptr);
    if (done == nullptr)
      return false;
    convoy::completion<>::adopt(done)();
    return true;
  }
  [[nodiscard]] std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(completions_.size());
  }

  /// From now on no key waits.
  void stop() noexcept {
    stopped_.store(true);
    for (std::uint32_t key = 0; key < size(); ++key)
      complete(key);
  }
  [[nodiscard]] bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

private:
  std::vector<std::atomic<void*>> completions_;
  std::atomic<bool> stopped_{false};
};

struct alignas(64) count {
  std::atomic<std::uint64_t> steps{0};
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int run(const options& wanted) {
  convoy::runtime rt{{.concurrency = wanted.workers}};
  wheel all(wanted.keys);
  std::vector<count> steps(64);
  std::atomic<std::uint32_t> next{0};
  thread_local constinit std::uint32_t mine = 0;
  const auto counter = [&]() -> std::atomic<std::uint64_t>& {
    if (mine == 0)
      mine = 1 + next.fetch_add(1);
    return steps[mine % steps.size()].steps;
  };
  const auto sum = [&] {
    std::uint64_t all_steps = 0;
    for (auto& each : steps)
      all_steps += each.steps.load(std::memory_order_relaxed);
    return all_steps;
  };

  // Each that goes on completes the next that waits, behind it in the ring.
  const auto handle = [&](std::uint32_t& key) -> convoy::task {
    const auto start = [&all, key](convoy::completion<> done) { all.wait(key, std::move(done)); };
    while (!all.stopped()) {
      co_await convoy::callback(start);
      auto& counts = counter();
      counts.store(counts.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      for (auto other = key + 1; !all.stopped(); ++other)
        if (all.complete(other % all.size()))
          break;
    }
  };
  // Outside of the runtime a frame is an allocation of its own.
  std::int64_t frame = bench::live_bytes();
  {
    std::uint32_t key = 0;
    const auto begun = handle(key);
    frame = bench::live_bytes() - frame;
  }
  const auto bytes_before = bench::live_bytes();
  {
    convoy::processor<std::uint32_t, std::uint32_t> p{
        rt, handle, {.capacity = std::size_t{2} * wanted.keys}};
    for (std::uint32_t key = 0; key < wanted.keys; ++key)
      if (p.submit(key, key) != convoy::submit_status::accepted)
        return 1;
    for (std::uint32_t key = 0; key < wanted.keys; ++key)
      while (!all.waits(key))
        std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(300ms); // spare memory goes
    std::printf("%u keys suspended: %.0f bytes each beside the frame of %lld\n", wanted.keys,
                static_cast<double>(bench::live_bytes() - bytes_before) / wanted.keys -
                    static_cast<double>(frame),
                static_cast<long long>(frame));

    const auto at_once = std::max(1u, wanted.keys / 50);
    for (std::uint32_t i = 0; i < at_once; ++i)
      all.complete(i * 50 % wanted.keys);
    std::this_thread::sleep_for(300ms);
    const auto allocations_before = bench::allocations();
    const auto steps_before = sum();
    const auto cpu_before = std::clock();
    const auto begin = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::duration<double>(wanted.seconds));
    const auto done = sum() - steps_before;
    const auto took = seconds_since(begin);
    const auto cpu = static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC;
    std::printf("suspend and resume: %.2f million a second, %.2f a second of CPU time, %.6f "
                "allocations each\n",
                static_cast<double>(done) / took / 1e6, static_cast<double>(done) / cpu / 1e6,
                static_cast<double>(bench::allocations() - allocations_before) /
                    static_cast<double>(done));
    all.stop();
    p.drain();
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  options wanted;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--keys") == 0)
      wanted.keys = static_cast<std::uint32_t>(std::atoi(argv[i + 1]));
    else if (std::strcmp(argv[i], "--workers") == 0)
      wanted.workers = static_cast<unsigned>(std::atoi(argv[i + 1]));
    else if (std::strcmp(argv[i], "--seconds") == 0)
      wanted.seconds = std::atof(argv[i + 1]);
  }
  return run(wanted);
}
