#pragma once

// What readers of brokers have in common: options, what they tell of themselves, how they fail.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/time_span.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace convoy {

/// Where the reading of a partition, or a stream, stands. Positions are the broker's own.
struct source_position {
  std::string name; ///< "orders[3]"
  std::uint64_t committed =
      0; ///< after a crash it is read from here; what is finished above it is not
         ///< handled again, as far as the broker could keep it
  std::uint64_t watermark = 0; ///< all below it is finished
  std::size_t gaps = 0;        ///< ranges above it that are finished, while what is between is not
  std::size_t in_flight = 0;   ///< records read and not finished
  std::uint64_t lag = 0;       ///< from the watermark to the broker's end, as far as that is known
  std::chrono::nanoseconds oldest{0}; ///< since the record at the watermark was read
};

/// What has become of the records that were read: read = handled + dead_letters + given_back when
/// run() returns.
struct source_account {
  std::uint64_t read = 0;
  std::uint64_t handled = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t given_back =
      0; ///< not finished when their partition went, or at the end: whoever has
         ///< it next reads them again
  std::uint64_t passed_over = 0; ///< besides: finished before: the commit had them as gaps
};

/// What is done about a record that holds up its partition's watermark for too long. While its
/// handler runs it is only reported, as it can't be taken from it.
enum class blocked : unsigned char {
  report,      ///< it is told of, once
  dead_letter, ///< besides, it is not tried again, and becomes a dead letter; not if its key is paused
  stop,        ///< run() throws
};

// ---- options, with the same names for each broker ----

struct in_flight_options {
  std::size_t records = 10'000; ///< read and not finished, of all that is read; 1 to 2^24
  std::size_t bytes = std::size_t{64} << 20; ///< of keys, values and headers; one may be over it
};
struct commit_options {
  time_span every = std::chrono::seconds(1);
  /// The gaps, which are what is finished above the watermark, are committed with it, so that whoever
  /// reads next does not handle them again.
  bool gaps = true;
};
struct revoke_options {
  /// When a partition goes, or at the end: handlers that run are waited for so long, and what they
  /// finish is committed. None begins meanwhile.
  time_span finish = std::chrono::seconds(5);
};
struct blocked_options {
  time_span after = std::chrono::minutes(10);
  blocked then = blocked::report;
};

/// What ends run(), or the construction of a consumer: in a sentence, with what to do about it.
class source_error : public std::runtime_error {
public:
  using runtime_error::runtime_error;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
