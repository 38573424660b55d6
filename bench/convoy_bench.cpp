// A first benchmark: one outside producer streams messages to empty handlers, over few and many
// keys. Names are <workload>/<subject>/<keys>. Every run checks order per key and that nothing is
// lost.

#include <benchmark/benchmark.h>
#include <condition_variable>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace {

constexpr unsigned workers = 2;
constexpr std::uint64_t messages = 1'000'000; // per iteration

struct message {
  std::uint64_t number = 0; // of its key: 1, 2, 3, …
  std::uint64_t payload = 0;
};

/// What a handler must see: the next number of its key.
struct oracle {
  explicit oracle(std::uint64_t keys) : last(keys) {}
  void see(std::uint64_t key, const message& m) {
    if (m.number != ++last[key])
      broken = true;
  }
  std::vector<std::uint64_t> last;
  bool broken = false; // only ever set; a race would be on a run that failed anyway
};

/// The messages, made beforehand so that only submitting them is timed.
std::vector<std::pair<std::uint64_t, message>> uniform(std::uint64_t keys) {
  std::vector<std::pair<std::uint64_t, message>> stream(messages);
  std::vector<std::uint64_t> number(keys);
  std::uint64_t random = 88172645463325252U;
  for (auto& [key, m] : stream) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    key = random % keys;
    m = {++number[key], random};
  }
  return stream;
}

class lanes {
public:
  explicit lanes(oracle& check)
      : processor_(runtime_,
                   [&check](const std::uint64_t& key, message& m) { check.see(key, m); }) {}
  void stream(const std::vector<std::pair<std::uint64_t, message>>& all) {
    for (const auto& [key, m] : all)
      if (processor_.submit(key, m) != convoy::submit_status::accepted)
        std::abort();
    processor_.drain();
  }

protected:
  convoy::runtime runtime_{{.concurrency = workers}};
  convoy::processor<std::uint64_t, message> processor_;
};

class lanes_bulk : public lanes {
public:
  using lanes::lanes;
  void stream(const std::vector<std::pair<std::uint64_t, message>>& all) {
    if (processor_.submit_bulk(all).accepted != all.size())
      std::abort();
    processor_.drain();
  }
};

/// The usual alternative: a mutex and a deque per key, keys with work queued for a pool of threads.
class mutex_lanes {
public:
  explicit mutex_lanes(oracle& check) : check_(check), lanes_(check.last.size()) {
    for (unsigned i = 0; i < workers; ++i)
      threads_.emplace_back([this] { work(); });
  }
  ~mutex_lanes() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    threads_.clear();
  }
  void stream(const std::vector<std::pair<std::uint64_t, message>>& all) {
    for (const auto& [key, m] : all) {
      auto& mine = lanes_[key];
      {
        const std::lock_guard lock(mine.mutex);
        mine.waiting.push_back(m);
        if (mine.scheduled)
          continue;
        mine.scheduled = true;
      }
      make_ready(key);
    }
    std::unique_lock lock(mutex_);
    drained_.wait(lock, [this] { return ready_.empty() && running_ == 0; });
  }

private:
  struct lane {
    std::mutex mutex;
    std::deque<message> waiting;
    bool scheduled = false;
  };

  void make_ready(std::uint64_t key) {
    {
      const std::lock_guard lock(mutex_);
      ready_.push_back(key);
    }
    changed_.notify_one();
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stop_ || !ready_.empty(); });
      if (ready_.empty())
        return;
      const auto key = ready_.front();
      ready_.pop_front();
      ++running_;
      lock.unlock();
      const bool more = run(key);
      lock.lock();
      if (more)
        ready_.push_back(key);
      if (--running_ == 0 && ready_.empty())
        drained_.notify_all();
    }
  }

  /// All that waits, at once; true if more came meanwhile.
  bool run(std::uint64_t key) {
    auto& mine = lanes_[key];
    std::deque<message> batch;
    {
      const std::lock_guard lock(mine.mutex);
      batch.swap(mine.waiting);
    }
    for (const auto& m : batch)
      check_.see(key, m);
    const std::lock_guard lock(mine.mutex);
    mine.scheduled = !mine.waiting.empty();
    return mine.scheduled;
  }

  oracle& check_;
  std::vector<lane> lanes_;
  std::mutex mutex_;
  std::condition_variable changed_, drained_;
  std::deque<std::uint64_t> ready_;
  unsigned running_ = 0;
  bool stop_ = false;
  std::vector<std::jthread> threads_;
};

template <class Subject>
void streamed(benchmark::State& state) {
  const auto keys = static_cast<std::uint64_t>(state.range(0));
  const auto all = uniform(keys);
  for (auto _ : state) {
    state.PauseTiming();
    oracle check(keys);
    {
      Subject subject(check);
      state.ResumeTiming();
      subject.stream(all);
      state.PauseTiming();
    }
    std::uint64_t handled = 0;
    for (const auto last : check.last)
      handled += last;
    if (check.broken || handled != messages)
      state.SkipWithError("order broken or messages lost");
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(messages));
}

void keys(benchmark::internal::Benchmark* b) {
  b->Arg(1)->Arg(1'000)->Arg(1'000'000)->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK(streamed<lanes>)->Name("streamed/convoy")->Apply(keys);
BENCHMARK(streamed<lanes_bulk>)->Name("streamed/convoy_bulk")->Apply(keys);
BENCHMARK(streamed<mutex_lanes>)->Name("streamed/mutex_lanes")->Apply(keys);

} // namespace

BENCHMARK_MAIN();
