#include "convoy/options.hpp"

#include "convoy/detail/base/tuning.hpp"

#include <chrono>
#include <stdexcept>
#include <string>

namespace convoy::detail {

namespace {

template <class Number>
void number(const char* what, bool fits, const char* must, Number value) {
  if (!fits)
    refuse(std::string("convoy::processor: ") + what, must, std::to_string(value));
}

/// `is`: it is set, and what it needs is not there, or what it does not go with is.
void together(bool is, const char* which) {
  if (is)
    throw std::invalid_argument(std::string("convoy::processor: ") + which);
}

/// Options that do not go together, or not with the handler or the message.
void check_together(const option_values& wanted) {
  together(wanted.linger.count() != 0 && !wanted.gets_spans,
           "linger waits for a batch, and the handler gets messages one by one: let it take "
           "std::span<Message>, or leave linger out");
  together(wanted.conflates && wanted.has_access,
           "conflate does not go with messages that have an access(), as shared ones do not wait "
           "behind each other: leave one of them out");
  together(wanted.conflates && wanted.gets_spans,
           "conflate does not go with a handler of spans, as at most one message of a key waits: "
           "let it take Message&, or merge in its span and leave conflate out");
  together(wanted.duplicates != nullptr && !wanted.has_ids,
           "duplicates needs messages with ids: use convoy::envelope, specialise "
           "convoy::message_traits, or leave duplicates out");
  together(wanted.most_shared != 0 && !wanted.has_access,
           "most_shared is for messages that have an access(): specialise convoy::message_traits, "
           "or leave most_shared out");
  together(!wanted.is_coroutine && (wanted.suspended.most != 0 ||
                                    wanted.suspended.limit != std::chrono::nanoseconds::max()),
           "suspended is for handlers that are coroutines: let it return convoy::task, or leave "
           "suspended out");
  together(wanted.is_joint && wanted.has_access,
           "joint does not go with messages that have an access(), as a joint one has each of its "
           "keys alone: leave one of them out");
  together(wanted.is_joint && wanted.conflates,
           "joint does not go with conflate, as a place among the messages of a key can't be "
           "merged: leave one of them out");
  together(
      wanted.is_joint && wanted.is_coroutine,
      "joint does not go with a handler that is a coroutine: await in another processor, whose "
      "handler submits the joint message, or leave joint out");
}

} // namespace

void check(const option_values& wanted) {
  check_together(wanted);
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
  if (wanted.conflates)
    number("key_capacity", wanted.key_capacity == 0 || wanted.key_capacity >= 3,
           "3 or more with conflate (one message runs, one waits, one comes), or 0 for no limit",
           wanted.key_capacity);
  if (wanted.duplicates != nullptr) {
    more_than_zero("convoy::processor: duplicates.window", wanted.duplicates->window);
    number("duplicates.most", wanted.duplicates->most != 0, "at least 1", wanted.duplicates->most);
  }
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
