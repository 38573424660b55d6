#pragma once

// How soon a drainer visits its partition again. Only the drainer touches it.

#include "convoy/detail/base/atomic.hpp"

#include <chrono>
#include <cstdint>

namespace convoy::detail {

class revisit {
public:
  /// Never on the producer's heels: reading cells while they are written slows both. A message or
  /// two at a time are no stream, but perhaps a reply that somebody waits for.
  [[nodiscard]] bool too_early(clock::time_point now) const noexcept { return now < not_before_; }

  /// A visit that began at `begin` has found so many messages, of at most `most`.
  void note(clock::time_point begin, std::uint32_t found, std::uint32_t most) noexcept {
    if (found >= hot_batch)
      hot_until_ = begin + hot_time;
    const bool few = found >= hot_batch && found < most / 4;
    not_before_ = few ? clock::now() + stay_away_time : clock::time_point{};
  }

  /// There will soon be more.
  [[nodiscard]] bool hot(clock::time_point now) const noexcept { return now < hot_until_; }

private:
  static constexpr std::uint32_t hot_batch = 4;
  static constexpr std::chrono::nanoseconds hot_time{20'000};
  static constexpr std::chrono::nanoseconds stay_away_time{2'000};

  clock::time_point not_before_{};
  clock::time_point hot_until_{};
};

} // namespace convoy::detail
