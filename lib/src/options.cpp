#include "convoy/options.hpp"

#include "convoy/detail/base/tuning.hpp"

#include <string>

namespace convoy::detail {

namespace {

template <class Number>
void number(const char* what, bool fits, const char* must, Number value) {
  if (!fits)
    refuse(std::string("convoy::processor: ") + what, must, std::to_string(value));
}

} // namespace

void check(const option_values& wanted) {
  number("capacity", wanted.capacity != 0 && wanted.capacity <= std::size_t{1} << 31,
         "1 to 2^31 messages", wanted.capacity);
  static_assert(tuning::most_partitions == 1024, "or the text is wrong");
  number("partitions",
         wanted.partitions <= tuning::most_partitions &&
             (wanted.partitions & (wanted.partitions - 1)) == 0,
         "a power of two up to 1024, or 0 for automatic", wanted.partitions);
  number("request_capacity", wanted.request_capacity != 0, "at least 1", wanted.request_capacity);
  number("batch_limit", wanted.batch_limit <= 65535, "at most 65535", wanted.batch_limit);
  number("rate.per_second", wanted.rate.per_second > 0, "more than 0", wanted.rate.per_second);
  number("rate.burst", wanted.rate.burst >= 1, "at least 1", wanted.rate.burst);
  not_negative("convoy::processor: linger", wanted.linger);
  if (to_text(wanted.quantum_time) == "NaN")
    refuse("convoy::processor: quantum_time", "a number", "NaN");
  if (wanted.linger.count() != 0 && !wanted.gets_spans)
    refuse("convoy::processor: linger", "0 for a handler that gets messages one by one",
           to_text(wanted.linger));
  if (wanted.conflates && wanted.has_access)
    refuse(
        "convoy::processor: conflate",
        "left out for messages with access(): those that are shared do not wait behind each other",
        "set");
  if (wanted.conflates && wanted.gets_spans)
    refuse("convoy::processor: conflate",
           "left out for a handler that gets spans: at most one message of a key waits", "set");
  if (wanted.duplicates != nullptr) {
    if (!wanted.has_ids)
      refuse("convoy::processor: duplicates",
             "left out for messages without ids (specialise message_traits, or use envelope)",
             "set");
    more_than_zero("convoy::processor: duplicates.window", wanted.duplicates->window);
    number("duplicates.most", wanted.duplicates->most != 0, "at least 1", wanted.duplicates->most);
  }
  if (wanted.most_shared != 0 && !wanted.has_access)
    refuse("convoy::processor: most_shared",
           "left out for messages of which none is shared (specialise message_traits)",
           std::to_string(wanted.most_shared));
  more_than_zero("convoy::processor: watchdog.threshold", wanted.watchdog_threshold);
  if (wanted.watchdog_reports && wanted.watchdog_threshold == std::chrono::nanoseconds::max())
    refuse("convoy::processor: watchdog.threshold",
           "less than for ever (the default) for watchdog.report to be called",
           to_text(wanted.watchdog_threshold));
  more_than_zero("convoy::processor: state.idle", wanted.state_idle);
  number("suspended.most", wanted.suspended.most <= std::size_t{1} << 31, "at most 2^31 keys",
         wanted.suspended.most);
  more_than_zero("convoy::processor: suspended.limit", wanted.suspended.limit);
  number("insight.top", wanted.insight_top <= 128, "at most 128 keys", wanted.insight_top);
  using std::chrono::hours, std::chrono::milliseconds, std::chrono::seconds;
  number("insight.top", wanted.insight_top != 0 || wanted.insight_window == seconds(1),
         "at least 1 where insight.window is set, as 0 is no insight", wanted.insight_top);
  if (wanted.insight_top != 0 &&
      (wanted.insight_window < milliseconds(1) || wanted.insight_window > hours(1)))
    refuse("convoy::processor: insight.window", "1 ms to an hour", to_text(wanted.insight_window));
}

} // namespace convoy::detail
