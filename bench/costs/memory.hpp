#pragma once

// Bytes and allocations: what a subject keeps for a key that is idle, for a message that waits, and
// how often it asks the heap.

#include "costs/malloc_count.hpp"
#include "harness/run.hpp"
#include "workloads/throughput.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

namespace bench {

inline bool heap_unknown(benchmark::State& state) {
  if (heap_is_counted())
    return false;
  state.SkipWithError("the heap is counted with glibc and without sanitizers only");
  return true;
}

/// Calls of malloc per message in a steady state: a message to each of 1,000 keys, and again when
/// all are handled, so that after the first rounds no queue is longer than it was before.
template <class Subject>
void allocations_per_message(benchmark::State& state, const traits& t) {
  if (heap_unknown(state))
    return;
  const auto l = sized_for(t, {.keys = uniform_1000});
  running<Subject, std::uint64_t, message<16>> run(l);
  if (!proved(state, t, "allocations/" + t.name, run))
    return;
  const auto rounds = l.messages / l.keys.keys;
  const auto go_round = [&] {
    message<16> m{};
    for (m.number = 1; m.number <= rounds; ++m.number) {
      for (m.key = 0; m.key < l.keys.keys; ++m.key)
        run.submit_one(m.key, m);
      if (!run.await(l.keys.keys)) // some drain() allocates, for itself
        return false;
    }
    return true;
  };
  std::uint64_t calls = 0;
  for (auto _ : state) {
    if (!go_round())
      return fail(state, "messages lost or handled twice");
    const auto before = allocations();
    const auto begin = clock::now();
    if (!go_round())
      return fail(state, "messages lost or handled twice");
    state.SetIterationTime(seconds(clock::now() - begin).count());
    calls += allocations() - before;
  }
  state.counters["allocations_per_message"] =
      static_cast<double>(calls) /
      (static_cast<double>(state.iterations()) * static_cast<double>(rounds * l.keys.keys));
}

struct heap_use {
  std::int64_t fresh = 0;   ///< constructed
  std::int64_t waiting = 0; ///< all messages wait, every worker is held
  std::int64_t idle = 0;    ///< all were handled a while ago
};

/// A message for each of the keys in turn, until so many wait.
template <class Subject>
heap_use use_of_heap(std::uint32_t keys, std::uint32_t messages) {
  const auto before = live_bytes();
  running<Subject, std::uint64_t, message<16>> run({.keys = {keys, 0}});
  heap_use use;
  use.fresh = live_bytes() - before;
  const auto gates = run.hold_workers();
  message<16> m{};
  m.number = 1;
  for (std::uint32_t i = 0; i < messages; ++i) {
    m.key = i % keys;
    run.submit_one(m.key, m);
  }
  use.waiting = live_bytes() - before;
  run.release_workers();
  run.drain(messages + gates);
  std::this_thread::sleep_for(std::chrono::milliseconds(500)); // some give memory back when idle
  use.idle = live_bytes() - before;
  return use;
}

/// As counters: what a million keys cost over half of them, and what a message costs that waits behind its
/// key or as its key's only one.
template <class Subject>
void bytes(benchmark::State& state, const traits& t) {
  const auto l = over_many_keys(t);
  if (heap_unknown(state) || too_large(state, t, l))
    return;
  const auto count = l.keys.keys;
  for (auto _ : state) {
    const auto begin = clock::now();
    const auto one = use_of_heap<Subject>(1, count);
    const auto many = use_of_heap<Subject>(count, count);
    const auto half = use_of_heap<Subject>(count / 2, count / 2);
    const auto few = use_of_heap<Subject>(1, 1);
    const auto each = [&](std::int64_t sum) { return static_cast<double>(sum) / count; };
    state.counters["idle_key"] = 2 * each(many.idle - half.idle);
    state.counters["lane_with_one_waiting"] = each(many.waiting - few.fresh);
    state.counters["waiting_behind_key"] = each(one.waiting - few.fresh);
    state.SetIterationTime(seconds(clock::now() - begin).count());
  }
}

template <template <class, class> class Subject>
void add_memory(const traits& t) {
  using type = Subject<std::uint64_t, message<16>>;
  add("bytes", t.name, "many_keys", [t](benchmark::State& state) { bytes<type>(state, t); });
  add("allocations", t.name, "uniform_1000",
      [t](benchmark::State& state) { allocations_per_message<type>(state, t); });
}

} // namespace bench
