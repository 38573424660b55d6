#pragma once

// A stateless model checker for C++20 memory. A scenario is run again and again, each time with other
// choices: which thread goes on, and which store a load reads. Threads are fibers of one real
// thread, so a run is repeated by repeating its choices.
//
// - Each atomic location keeps its stores in modification order; a load may read any that coherence,
//   happens-before and seq_cst allow (memory.hpp).
// - Plain accesses are seen through the compiler's instrumentation (-fsanitize=thread, with hooks of
//   our own instead of ThreadSanitizer's, shadow.cpp): data races, and use of what was freed.
// - A thread that waits for ever is a deadlock, a run that does not end a livelock.
// - Time passes a little with each look at the clock, when all wait, and when a wait that has an end is
//   chosen to end before others go on.
// - Once in a run each, a condition wakes without reason, and a compare_exchange_weak or try_lock fails.
//
// What it does not show:
// - a load that reads what a later instruction of its own past stores (load buffering: a run is an interleaving,
//   so every load comes after the store that it reads); for the same reason, seq_cst fences in another
//   order than that of a chain of relaxed loads and stores between them;
// - consume, and mixed-size accesses;
// - a thread that reads a store that is not the newest more than twice in a row (8 times, at random);
// - waits longer than options::longest_wait that end, and sleeps of more than a millisecond;
// - what code does to plain memory that is compiled without instrumentation, other than memcpy and its
//   like; the use of a stack's memory after its function has returned; of memory that was there before the run;
// - the order in which the counts of std::shared_ptr change: as if under a lock each.
// Statics that allocate must be made before the first run: a run's memory ends with it.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

namespace model {

struct options {
  /// Exhaustive: all interleavings with so many preemptions, and all stores that loads may read. A wait
  /// that ends though others could go on is a preemption, too.
  unsigned preemptions = 2;
  /// Not 0: so many runs at random instead; the seed comes from CONVOY_SEED or is fresh.
  std::uint64_t random_runs = 0;
  /// Stop after so many runs of an exhaustive search. result.complete says whether it came to an end.
  std::uint64_t most_runs = 3'000'000;
  /// A run with more steps is a livelock.
  std::uint64_t most_steps = 20'000;
  /// Waits that are longer than this never end by themselves, so that a lost wake-up shows.
  std::chrono::nanoseconds longest_wait = std::chrono::milliseconds(2);
};

struct result {
  std::string failure; ///< empty: none; else what is wrong, and how it came to it
  bool complete = true;
  std::uint64_t runs = 0;
  std::set<int> outcomes; ///< all that outcome() was told
};

/// Runs scenario() as the first thread of each run.
[[nodiscard]] result explore(const options& how, const std::function<void()>& scenario);

/// How much longer than usual to look: CONVOY_STRESS=10 for a soak.
[[nodiscard]] std::uint64_t effort();

/// In a scenario.
void check(bool holds, const char* what);
void outcome(int value);
/// One of 0 … count - 1, which an exhaustive search goes through: what else a scenario leaves open.
[[nodiscard]] std::size_t choose(std::size_t count);
/// Until all others wait for ever, or have ended. If one does not come to rest, that is a livelock.
void rest();
/// The clock shows something else, for everybody.
void jump(std::chrono::nanoseconds by);

// ---- what the replaced headers call; `where` is an object's address ----

class location { // of an atomic
public:
  constexpr location(std::uint64_t initial) : value_(initial) {
    if (!std::is_constant_evaluated())
      make();
  }
  std::uint64_t load(std::memory_order order) const;
  void store(std::uint64_t value, std::memory_order order);
  /// Reads a value and writes function(value).
  template <class Function>
  std::uint64_t modify(Function&& function, std::memory_order order) {
    const auto read = begin_modify(order);
    end_modify(read, function(read.value), order);
    return read.value;
  }
  bool compare_exchange(std::uint64_t& expected, std::uint64_t wanted, bool weak,
                        std::memory_order success, std::memory_order failure);

private:
  struct modified { // the store that is read
    std::uint64_t value;
    std::size_t store;
  };

  void make() const;
  std::uint32_t known() const;
  [[nodiscard]] modified begin_modify(std::memory_order order) const;
  void end_modify(modified what, std::uint64_t value, std::memory_order order);

  static constexpr std::uint32_t unused = ~std::uint32_t{0};

  std::uint64_t value_;                  // before the run, and outside of runs
  mutable std::uint64_t run_ = 0;        // in which the rest is valid
  mutable std::uint32_t index_ = unused; // of its stores, from the first access on
  mutable std::uint32_t made_by_ = 0;
  mutable std::uint32_t made_at_ = 0;
};

void fence(std::memory_order order);
void fence_light();
void fence_heavy();

void lock(const void* mutex);
[[nodiscard]] bool try_lock(const void* mutex);
void unlock(const void* mutex);

/// Gives the mutex up and takes it again. False: the time is over.
bool wait(const void* condition, const void* mutex, std::chrono::nanoseconds most);
void notify(const void* condition, bool all);

[[nodiscard]] unsigned start(std::function<void()> body);
void join(unsigned thread);
void sleep(std::chrono::nanoseconds time);
[[nodiscard]] std::chrono::nanoseconds now();
[[nodiscard]] void*& local(const void* key); ///< the calling thread's

/// A queue between threads; what a push comes after is seen by who pops.
void push(const void* queue, void* item);
[[nodiscard]] void* pop(const void* queue);

} // namespace model
