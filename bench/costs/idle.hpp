#pragma once

// What a subject takes of a core while nothing is to be done and it knows a million keys.

#include "harness/run.hpp"
#include "workloads/throughput.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <thread>

namespace bench {

inline seconds cpu_time(clockid_t whose) {
  timespec now{};
  clock_gettime(whose, &now);
  return seconds(static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9);
}

/// Of all threads but the one that asks: a virtual machine books on that what waking it takes.
inline seconds cpu_time_of_others() {
  return cpu_time(CLOCK_PROCESS_CPUTIME_ID) - cpu_time(CLOCK_THREAD_CPUTIME_ID);
}

template <class Subject>
void idle_cpu(benchmark::State& state, const traits& t) {
  const auto l = over_many_keys(t);
  if (too_large(state, t, l))
    return;
  const bool smoke = l.keys.keys <= 2'000;
  const auto settle = std::chrono::milliseconds(smoke ? 10 : 500);
  const auto watch = std::chrono::milliseconds(smoke ? 2 : 200);
  running<Subject, std::uint64_t, message<16>> run(l);
  message<16> m{};
  m.number = 1;
  for (m.key = 0; m.key < l.keys.keys; ++m.key)
    run.submit_one(m.key, m);
  if (!run.await(l.keys.keys))
    return fail(state, "messages lost or handled twice");
  for (auto _ : state) {
    std::this_thread::sleep_for(settle); // who spins for a moment before sleeping may do so
    const auto begin = clock::now();
    std::array<double, 11> shares{};
    for (auto& share : shares) {
      const auto used = cpu_time_of_others();
      const auto since = clock::now();
      std::this_thread::sleep_for(watch);
      share = (cpu_time_of_others() - used) / (clock::now() - since);
    }
    std::nth_element(shares.begin(), shares.begin() + shares.size() / 2, shares.end());
    state.counters["share_of_a_core"] = shares[shares.size() / 2];
    state.SetIterationTime(seconds(clock::now() - begin).count());
  }
}

template <template <class, class> class Subject>
void add_idle(const traits& t) {
  add("idle_cpu", t.name, "many_keys",
      [t](benchmark::State& state) { idle_cpu<Subject<std::uint64_t, message<16>>>(state, t); });
}

} // namespace bench
