// convoy_faults: what keys that fail cost those that do not. Beside 10,000 healthy keys there are 1, 10
// or 1,000 that fail for ever, are parked, or are stuck in a handler for 100 ms, one after the other. Each
// cell runs clean and faulty in turns; the counters are medians over the pairs.

#include "harness/registry.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using convoy::outcome;

constexpr std::uint32_t healthy_keys = 10'000, backlog = 10;

enum class fault : std::uint8_t { none, failing, parked, stuck };

struct order {
  clock::time_point due; ///< when it was to be submitted
};

struct figures {
  double throughput = 0; ///< of the healthy keys, messages a second
  double p99 = 0;        ///< of their latency, us, at half the load that one worker could take
  double memory = 0;     ///< that the faulty keys' backlog has cost, bytes
  bool complete = true;
};

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void work(std::chrono::nanoseconds time) {
  for (const auto until = clock::now() + time; clock::now() < until;) {
  }
}

class run {
public:
  run(fault how, std::uint32_t bad, std::uint32_t messages)
      : how_(how), bad_(how == fault::none ? 0 : bad), messages_(messages), latencies_(messages) {}

  figures measure() {
    figures result;
    const auto before = resident_bytes();
    convoy::runtime rt{{.concurrency = workers()}};
    orders p{rt,
             [this](orders::context& c, order& o) { return handle(c, o); },
             {.key_capacity = backlog,
              .on_error = [](const std::uint32_t&, const std::exception_ptr&) {},
              .failure = convoy::failure_policy{.attempts = ~0u, .ceiling = 1s}}};
    if (how_ == fault::stuck)
      (void)p.submit(healthy_keys, {});
    else
      for (std::uint32_t i = 0; i < backlog * bad_; ++i)
        (void)p.try_submit(healthy_keys + i % bad_, {});
    result.memory = resident_bytes() - before;
    submit_paced(p);
    await(messages_);
    result.p99 = p99();
    handled_ = 0;
    paced_ = false;
    const auto begin = clock::now();
    for (std::uint32_t i = 0; i < messages_; ++i)
      result.complete &= p.submit(i % healthy_keys, {begin}) == convoy::submit_status::accepted;
    await(messages_);
    const std::chrono::duration<double> took = clock::now() - begin;
    result.throughput = messages_ / took.count();
    over_ = true;
    result.complete &= p.shutdown(0ns).balanced();
    return result;
  }

private:
  using orders = convoy::processor<std::uint32_t, order>;

  outcome handle(const orders::context& c, const order& o) {
    const auto key = c.key();
    if (key >= healthy_keys) {
      if (how_ == fault::stuck) {
        for (const auto until = clock::now() + 100ms; clock::now() < until && !over_;)
          std::this_thread::sleep_for(1ms);
        (void)c.owner().submit(healthy_keys + (key - healthy_keys + 1) % bad_, {});
        return outcome::done;
      }
      if (how_ == fault::parked)
        return outcome::park;
      return outcome::retry;
    }
    work(5us);
    const auto n = handled_.fetch_add(1, std::memory_order_relaxed);
    if (paced_)
      latencies_[n] = std::chrono::duration<float, std::micro>(clock::now() - o.due).count();
    return outcome::done;
  }

  /// Open loop: a message is late if it was due, whoever has made it wait.
  void submit_paced(orders& p) {
    const auto begin = clock::now() + 1ms;
    for (std::uint32_t i = 0; i < messages_; ++i) {
      const auto due = begin + i * 10us;
      if (clock::now() < due)
        std::this_thread::sleep_until(due);
      (void)p.submit(i % healthy_keys, {due});
    }
  }

  void await(std::uint32_t messages) const {
    while (handled_.load(std::memory_order_relaxed) < messages)
      std::this_thread::sleep_for(100us);
  }

  double p99() {
    const auto at = latencies_.begin() + static_cast<std::ptrdiff_t>(latencies_.size() * 99 / 100);
    std::nth_element(latencies_.begin(), at, latencies_.end());
    return static_cast<double>(*at);
  }

  const fault how_;
  const std::uint32_t bad_, messages_;
  std::vector<float> latencies_;
  std::atomic<std::uint32_t> handled_{0};
  std::atomic<bool> paced_{true}, over_{false};
};

double median(std::vector<double> of) {
  std::nth_element(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2), of.end());
  return of[of.size() / 2];
}

void compare(benchmark::State& state, fault how, std::uint32_t bad) {
  const auto* const given = std::getenv("CONVOY_BENCH_MESSAGES");
  const auto messages = given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : 100'000u;
  const int pairs = given != nullptr ? 1 : 8;
  for (auto _ : state) {
    std::vector<double> throughput, p99, clean_p99, memory;
    const auto begin = clock::now();
    for (int i = 0; i < pairs; ++i) {
      figures clean, faulty;
      if (i % 2 == 0) // in turns: who comes second may find something warm, or worn
        clean = run(fault::none, 0, messages).measure();
      faulty = run(how, bad, messages).measure();
      if (i % 2 != 0)
        clean = run(fault::none, 0, messages).measure();
      if (!clean.complete || !faulty.complete)
        return fail(state, "the account does not hold");
      throughput.push_back(faulty.throughput / clean.throughput);
      p99.push_back(faulty.p99 / clean.p99);
      clean_p99.push_back(clean.p99);
      memory.push_back(faulty.memory);
    }
    state.SetIterationTime(std::chrono::duration<double>(clock::now() - begin).count());
    const auto stuck = how == fault::stuck ? 1u : 0u;
    state.counters["throughput_ratio"] = median(throughput);
    state.counters["throughput_bound"] = static_cast<double>(workers() - stuck) / workers();
    state.counters["p99_ratio"] = median(p99);
    state.counters["clean_p99_us"] = median(clean_p99);
    state.counters["backlog_bytes"] = median(memory);
  }
}

void add_all() {
  const struct {
    fault how;
    const char* name;
  } faults[] = {{fault::none, "clean"},
                {fault::failing, "failing"},
                {fault::parked, "parked"},
                {fault::stuck, "stuck"}};
  for (const auto& [how, name] : faults)
    for (const std::uint32_t bad : {1u, 10u, 1'000u})
      if (how != fault::none || bad == 1) // clean against clean: the noise
        add("isolation_under_failure", "convoy", std::string(name) + "/" + std::to_string(bad),
            [how = how, bad](benchmark::State& state) { compare(state, how, bad); });
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
  bench::add_all();
  return bench::run(argc, argv);
}
