// convoy_joint: transfers between two of many accounts. `convoy` submits joint messages; `scoped_lock` gives
// them to a pool of as many threads, with a mutex for each account and std::scoped_lock. (That keeps
// no order: it is what people write who need none.)

#include "harness/registry.hpp"

#include <atomic>
#include <blockingconcurrentqueue.h>
#include <chrono>
#include <condition_variable>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t most_waiting = 1 << 14;

struct transfer {
  std::uint32_t from, to;
  long amount;
};

std::size_t number_from(const char* name, std::size_t otherwise) {
  const char* const given = std::getenv(name);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

std::vector<transfer> transfers(std::uint32_t accounts) {
  std::vector<transfer> all(number_from("CONVOY_BENCH_MESSAGES", 1'000'000));
  std::mt19937 random(1);
  for (auto& each : all) {
    each.from = static_cast<std::uint32_t>(random() % accounts);
    each.to = static_cast<std::uint32_t>((each.from + 1 + random() % (accounts - 1)) % accounts);
    each.amount = 1;
  }
  return all;
}

/// Of all threads: what a machine that others use as well can say.
double cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <unsigned Partitions>
class convoy_bank {
public:
  convoy_bank(std::uint32_t /*accounts*/, unsigned workers)
      : rt_{{.concurrency = workers}},
        bank_{rt_,
              [](const std::uint32_t&, transfer& t, long& balance) { balance += t.amount; },
              {.capacity = 2 * most_waiting, // two places each
               .partitions = Partitions,
               .joint = [](convoy::joint<std::uint32_t, long>& accounts, transfer& t) {
                 accounts.state(0) -= t.amount;
                 accounts.state(1) += t.amount;
               }}} {}

  bool submit(const transfer& t) {
    return bank_.submit_joint({t.from, t.to}, t) == convoy::submit_status::accepted;
  }
  void drain() { bank_.drain(); }

private:
  convoy::runtime rt_;
  convoy::processor<std::uint32_t, transfer, long> bank_;
};

/// moodycamel's queue, which is what convoy uses where order does not matter.
class fast_queue {
public:
  void push(const transfer& t) { all_.enqueue(t); }
  transfer pop() {
    transfer t{};
    all_.wait_dequeue(t);
    return t;
  }

private:
  moodycamel::BlockingConcurrentQueue<transfer> all_{most_waiting};
};

/// A deque under a mutex, which is what most pools have.
class plain_queue {
public:
  void push(const transfer& t) {
    {
      const std::lock_guard lock(mutex_);
      all_.push_back(t);
    }
    changed_.notify_one();
  }
  transfer pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !all_.empty(); });
    const auto t = all_.front();
    all_.pop_front();
    return t;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<transfer> all_;
};

template <class Queue>
class locked_bank {
public:
  locked_bank(std::uint32_t accounts, unsigned workers) : accounts_(accounts) {
    for (unsigned i = 0; i < workers; ++i)
      threads_.emplace_back([this] { work(); });
  }
  locked_bank(const locked_bank&) = delete;
  locked_bank& operator=(const locked_bank&) = delete;
  ~locked_bank() {
    for (std::size_t i = 0; i < threads_.size(); ++i)
      queue_.push({0, 0, 0});
    for (auto& each : threads_)
      each.join();
  }

  bool submit(const transfer& t) {
    while (submitted_ - done_.load(std::memory_order_relaxed) >= most_waiting)
      std::this_thread::yield();
    ++submitted_;
    queue_.push(t);
    return true;
  }
  void drain() const {
    while (done_.load(std::memory_order_acquire) != submitted_)
      std::this_thread::yield();
  }

private:
  struct alignas(64) account {
    std::mutex mutex;
    long balance = 0;
  };

  void work() {
    for (auto t = queue_.pop(); t.amount != 0; t = queue_.pop()) {
      {
        auto& from = accounts_[t.from];
        auto& to = accounts_[t.to];
        const std::scoped_lock both(t.from < t.to ? from.mutex : to.mutex,
                                    t.from < t.to ? to.mutex : from.mutex);
        from.balance -= t.amount;
        to.balance += t.amount;
      }
      done_.fetch_add(1, std::memory_order_release);
    }
  }

  std::vector<account> accounts_;
  Queue queue_;
  std::size_t submitted_ = 0;
  std::atomic<std::size_t> done_{0};
  std::vector<std::thread> threads_;
};

template <class Bank>
void run_transfers(benchmark::State& state, std::uint32_t accounts) {
  const auto all = transfers(accounts);
  Bank bank(accounts, workers());
  const auto submit_all = [&] {
    bool accepted = true;
    for (const auto& each : all)
      accepted &= bank.submit(each);
    bank.drain();
    return accepted;
  };
  if (!submit_all()) // and memory has grown
    return fail(state, "refused");
  double cpu = 0;
  for (auto _ : state) {
    const auto cpu_begin = cpu_time();
    const auto begin = clock::now();
    (void)submit_all();
    const std::chrono::duration<double> took = clock::now() - begin;
    state.SetIterationTime(took.count());
    cpu += cpu_time() - cpu_begin;
  }
  const auto messages = static_cast<double>(state.iterations()) * static_cast<double>(all.size());
  state.counters["cpu_ns_per_message"] = cpu * 1e9 / messages;
  state.SetItemsProcessed(static_cast<std::int64_t>(messages));
}

template <class Bank>
void add_all_of(const std::string& subject) {
  for (const std::uint32_t accounts : {10'000u, 16u})
    add("transfers", subject, "accounts:" + std::to_string(accounts),
        [accounts](benchmark::State& state) { run_transfers<Bank>(state, accounts); });
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
  bench::add_all_of<bench::convoy_bank<0>>("convoy");
  bench::add_all_of<bench::convoy_bank<4>>("convoy_4_partitions");
  bench::add_all_of<bench::locked_bank<bench::fast_queue>>("scoped_lock");
  bench::add_all_of<bench::locked_bank<bench::plain_queue>>("scoped_lock_plain_queue");
  return bench::run(argc, argv);
}
