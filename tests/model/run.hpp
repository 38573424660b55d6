#pragma once

// One run of a scenario: its threads, which are fibers, its choices, and its memory.

#include "checker.hpp"
#include "memory.hpp"
#include "shadow.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <ucontext.h>
#include <unordered_map>
#include <vector>

namespace model {

/// What is left open, one number each. An exhaustive search goes through all of them, depth first; a
/// random one draws them. Either can be repeated.
class choices {
public:
  explicit choices(const options& how) : random_(how.random_runs != 0) {}

  void begin(std::uint64_t seed) {
    at_ = 0;
    generator_.seed(seed);
    if (random_)
      taken_.clear();
    constexpr double rates[] = {0.5, 0.2, 0.05, 0.01};
    rate_ = rates[generator_() % 4];
    stale_rate_ = rates[generator_() % 4];
  }
  void repeat() { at_ = 0, repeats_ = true; }
  /// A run that is repeated, or begins as another one, comes by the same choices.
  [[nodiscard]] bool are_all_taken() const noexcept { return at_ == taken_.size(); }

  /// Who goes on when the thread that ran waits; who instead of one that could go on; what is read.
  enum class kind { next, preemption, store };

  /// One of 0 … count - 1. 0 is what an ordinary machine would do, except for kind::next.
  [[nodiscard]] std::uint32_t choose(std::size_t count, kind what);

  /// To the next run of an exhaustive search. False: there is none.
  [[nodiscard]] bool next() {
    while (!taken_.empty() && taken_.back().first + 1 == taken_.back().second)
      taken_.pop_back();
    if (taken_.empty())
      return false;
    ++taken_.back().first;
    return true;
  }

private:
  const bool random_;
  bool repeats_ = false;
  std::vector<std::pair<std::uint32_t, std::size_t>> taken_; // and out of how many
  std::size_t at_ = 0;
  std::mt19937_64 generator_;
  double rate_ = 0;
  double stale_rate_ = 0;
};

struct fiber {
  enum class state {
    ready,
    blocked, // by a mutex, or a thread to join
    waiting, // for a condition: it may wake without reason
    asleep,
    resting, // until nobody else will go on
    over
  };

  ucontext_t context{};
  stack_memory stack{};
  std::function<void()> body;
  state is = state::ready;
  const void* waits_for = nullptr; // a mutex, a condition, or a fiber to join
  std::chrono::nanoseconds until = std::chrono::nanoseconds::max();
  bool timed_out = false;
  std::vector<void*> waits_in; // return addresses, if the run is traced
  std::unordered_map<const void*, void*> locals;
  std::array<std::uintptr_t, 2> exceptions{}; // that are being handled: the C++ runtime's globals

  /// It waits, and not for longer than that.
  [[nodiscard]] bool waits_until(std::chrono::nanoseconds time) const noexcept {
    return is != state::ready && is != state::over && until <= time;
  }
};

class run {
public:
  static constexpr auto never = std::chrono::nanoseconds::max();

  run(const options& how, choices& open, std::uint64_t number, bool traced);
  ~run();
  run(const run&) = delete;
  run& operator=(const run&) = delete;

  static run* current; ///< null: outside of a scenario
  /// Its code runs, not the checker's.
  [[nodiscard]] static bool in_scenario() noexcept {
    return current != nullptr && inside_checker::depth == 0;
  }

  /// Empty: nothing was wrong.
  std::string go(const std::function<void()>& scenario);

  [[noreturn]] void fail(const std::string& what);
  void trace(const std::string& what);
  [[nodiscard]] bool traced() const noexcept { return traced_; }

  /// Before each step: perhaps another thread goes on.
  void step();
  /// Until somebody calls wake_those_waiting_for(what), or the time has come. False: the latter.
  bool block(fiber::state how, const void* what, std::chrono::nanoseconds until = never);
  void wake_those_waiting_for(const void* what, bool all = true);

  [[nodiscard]] unsigned add(std::function<void()> body);
  [[nodiscard]] std::uint32_t choose(std::size_t count, choices::kind what = choices::kind::store) {
    return open_.choose(count, what);
  }
  [[nodiscard]] std::size_t self() const noexcept { return self_; }
  [[nodiscard]] fiber& at(std::size_t i) noexcept { return *fibers_[i]; }

  model::memory memory;
  std::uint64_t number;
  std::chrono::nanoseconds now{1'000'000'000};
  std::unordered_map<const void*, view> known_at; // what mutexes and the like hand on
  std::unordered_map<const void*, bool> locked;   // mutexes
  struct pushed {
    void* item;
    view with;
  };
  std::unordered_map<const void*, std::deque<pushed>> queues;
  std::set<int> outcomes;
  bool failed_weakly = false; // a compare_exchange_weak or a try_lock, without reason

private:
  static void enter(unsigned low, unsigned high);
  void switch_to(std::size_t next);
  void count_step();
  [[nodiscard]] std::size_t pick();
  [[nodiscard]] bool may_wake(const fiber& which) const;
  void wake_early(fiber& which);
  [[nodiscard]] bool let_time_pass();
  [[nodiscard]] bool let_rest_end();
  static void time_out(fiber& of);
  void trace_stacks();

  const options& how_;
  choices& open_;
  const bool traced_;
  std::vector<std::unique_ptr<fiber>> fibers_;
  std::size_t self_ = 0;
  unsigned preemptions_ = 0;
  bool woke_without_reason_ = false;
  std::uint64_t steps_ = 0;
  ucontext_t outside_{};
  std::string failure_;
  std::vector<std::string> events_;
};

} // namespace model
