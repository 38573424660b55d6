#pragma once

// Lines on stderr about what a user's function threw, where nobody else is told.

#include <exception>

namespace convoy::detail {

enum class thrower : unsigned char {
  handler,
  sink,             ///< of dead letters
  sink_asked_again, ///< as well, but it is asked again
  sink_at_the_end,  ///< it refused a letter for the last time
  then,             ///< of pause(), purge() or fence()
  watchdog_report,
  on_error,
  on_parked,
  on_evict,
  marker,
  conflate,
  observer,
  positions, ///< processor_options::positions
};

/// In one line: who threw, what, and what becomes of it.
void report_to_stderr(thrower who, const std::exception_ptr& error) noexcept;

} // namespace convoy::detail
