#pragma once

#include "convoy/detail/base/prologue.hpp"

// Durations and times as the library takes them: from any unit, to the ends of their range.

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>
#include <string>
#include <type_traits>

namespace convoy {
namespace detail {

/// In nanoseconds. What is beyond their range is its end: max(), or min() + 1. A number that is
/// none (NaN) is min().
template <class Rep, class Period>
[[nodiscard]] constexpr std::chrono::nanoseconds
to_nanoseconds(std::chrono::duration<Rep, Period> from) noexcept {
  using std::chrono::nanoseconds;
  using limits = std::numeric_limits<std::int64_t>;
  using ratio = std::ratio_divide<Period, std::nano>;
  constexpr nanoseconds least = nanoseconds::min() + nanoseconds(1);
  if constexpr (std::is_floating_point_v<Rep>) {
    const auto exact = static_cast<long double>(from.count()) * ratio::num / ratio::den;
    if (!(exact <= 0) && !(exact >= 0)) // NaN
      return nanoseconds::min();
    if (exact >= static_cast<long double>(limits::max()))
      return nanoseconds::max();
    if (exact <= static_cast<long double>(limits::min()))
      return least;
    return nanoseconds(static_cast<std::int64_t>(exact));
  } else if constexpr (std::is_integral_v<Rep>) {
    // In units of ratio::num / ratio::den nanoseconds: whole ones, and the rest.
    using wide = std::common_type_t<Rep, std::int64_t>;
    constexpr wide parts = ratio::den;
    constexpr wide most = limits::max() / ratio::num;
    const wide count = from.count();
    const wide whole = count / parts;
    const wide rest = count % parts;
    if (whole > most)
      return nanoseconds::max();
    if constexpr (std::is_signed_v<Rep>)
      if (whole < -most)
        return least;
    const auto sum = static_cast<std::int64_t>(whole) * ratio::num;
    const auto more = static_cast<std::int64_t>(static_cast<long double>(rest) * ratio::num /
                                                ratio::den); // less than ratio::num
    if (sum > 0 && more > limits::max() - sum)
      return nanoseconds::max();
    if (sum < 0 && more < least.count() - sum)
      return least;
    return nanoseconds(sum + more);
  } else {
    return std::chrono::duration_cast<nanoseconds>(from);
  }
}

} // namespace detail

/// A duration that a function or an option takes: converts from every std::chrono::duration, of
/// floating point, too. What does not fit (seconds::max(), infinity) is the longest there is, some
/// 292 years; the library takes more than 100 years for 100. Who is given one that is negative or
/// NaN where that makes no sense throws std::invalid_argument, which names it.
class time_span : public std::chrono::nanoseconds {
public:
  constexpr time_span() noexcept : duration(0) {}
  template <class Rep, class Period>
  constexpr time_span(
      std::chrono::duration<Rep, Period> from) noexcept // NOLINT(google-explicit-constructor)
      : duration(detail::to_nanoseconds(from)) {}
};

/// A time on the steady clock that a function or a message takes: converts from such a time in any
/// unit. What does not fit is the first or the last there is.
class moment : public std::chrono::steady_clock::time_point {
public:
  constexpr moment() noexcept = default;
  template <class Duration>
  requires(!std::chrono::treat_as_floating_point_v<typename Duration::rep>) constexpr moment(
      std::chrono::time_point<std::chrono::steady_clock, Duration>
          from) noexcept // NOLINT(google-explicit-constructor)
      : time_point(exactly(from.time_since_epoch())) {}

private:
  /// min() is a time, too.
  static constexpr std::chrono::steady_clock::duration
  exactly(std::chrono::steady_clock::duration from) noexcept {
    return from;
  }
  template <class Duration>
  static constexpr std::chrono::steady_clock::duration exactly(Duration from) noexcept {
    return detail::to_nanoseconds(from);
  }
};

namespace detail {

/// In the largest unit in which it is a whole number; "NaN" if it is none.
[[nodiscard]] std::string to_text(std::chrono::nanoseconds span);

/// Throws std::invalid_argument: "`what` must be `must`, and is `value`".
[[noreturn]] void refuse(const std::string& what, const std::string& must,
                         const std::string& value);

/// Returns a span that must not be negative. `what` names it.
std::chrono::nanoseconds not_negative(const char* what, time_span span);
void more_than_zero(const char* what, time_span span);

} // namespace detail
} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
