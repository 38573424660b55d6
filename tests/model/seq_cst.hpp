#pragma once

// The order of all seq_cst operations and fences ("S" in [atomics.order]), as far as anything determines
// it: no more than what has to come before what. What is executed first need not come first.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace model {

inline constexpr std::size_t most_threads = 16;

/// The steps of each thread up to which something is known.
struct vector_clock {
  std::array<std::uint32_t, most_threads> steps{};

  void join(const vector_clock& other) noexcept {
    for (std::size_t i = 0; i < most_threads; ++i)
      steps[i] = std::max(steps[i], other.steps[i]);
  }
  [[nodiscard]] bool knows(std::size_t thread, std::uint32_t step) const noexcept {
    return step <= steps[thread];
  }
};

class seq_cst_order {
public:
  /// The number-th (from 1 on) seq_cst operation or fence of its thread.
  struct place {
    std::size_t thread;
    std::uint32_t number;
  };
  /// How many of each thread's come before something.
  using front = vector_clock;

  [[nodiscard]] static bool contains(const front& all, const place& one) noexcept {
    return all.knows(one.thread, one.number);
  }

  [[nodiscard]] front up_to(const place& last) const {
    auto all = events_[last.thread][last.number - 1].before;
    all.steps[last.thread] = last.number;
    return all;
  }

  /// Those that strongly happen before who knows that much.
  [[nodiscard]] front up_to(const vector_clock& known) const {
    front all;
    for (std::size_t t = 0; t < most_threads; ++t) {
      const auto later = std::ranges::upper_bound(events_[t], known.steps[t], {}, &event::step);
      if (const auto count = later - events_[t].begin(); count != 0)
        all.join(up_to(place{t, static_cast<std::uint32_t>(count)}));
    }
    return all;
  }

  /// One more of `thread`. Others know of it if they know of its `step`.
  place add(std::size_t thread, std::uint32_t step, const front& before) {
    events_[thread].push_back({step, before});
    return {thread, static_cast<std::uint32_t>(events_[thread].size())};
  }

  /// May `earlier`, with all before it, still come before `later`?
  [[nodiscard]] static bool may_precede(const front& earlier, const place& later) noexcept {
    return !contains(earlier, later);
  }
  void put_before(const front& earlier, const place& later) {
    for (std::size_t t = 0; t < most_threads; ++t) // a thread's own are in order
      for (auto n = static_cast<std::uint32_t>(events_[t].size());
           n != 0 && contains(up_to(place{t, n}), later); --n)
        events_[t][n - 1].before.join(earlier);
  }

private:
  struct event {
    std::uint32_t step;
    front before;
  };
  std::array<std::vector<event>, most_threads> events_;
};

} // namespace model
