#pragma once

// How soon a drainer visits its partition again. Only the drainer touches it.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <cstdint>

namespace convoy::detail {

class revisit {
public:
  /// Never on the producer's heels: reading cells while they are written slows both. A message or
  /// two at a time are no stream, but perhaps a reply that somebody waits for.
  [[nodiscard]] bool too_early(clock::time_point now) const noexcept { return now < not_before_; }

  /// A visit that began at `begin` has found so many messages, of at most `most`.
  void note(clock::time_point begin, std::uint32_t found, std::uint32_t most) noexcept {
    if (found >= tuning::hot_batch)
      hot_until_ = begin + tuning::hot_time;
    const bool few = found >= tuning::hot_batch && found < most / tuning::few_of_visit;
    not_before_ = few ? clock::now() + tuning::stay_away_time : clock::time_point{};
  }

  /// There will soon be more.
  [[nodiscard]] bool hot(clock::time_point now) const noexcept { return now < hot_until_; }

private:
  clock::time_point not_before_{};
  clock::time_point hot_until_{};
};

} // namespace convoy::detail
