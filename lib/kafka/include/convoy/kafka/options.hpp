#pragma once

#include <chrono>
#include <convoy/detail/source/source_options.hpp>
#include <convoy/failure.hpp>
#include <convoy/insight.hpp>
#include <convoy/kafka/record.hpp>
#include <convoy/observer.hpp>
#include <convoy/options.hpp>
#include <convoy/source.hpp>
#include <convoy/time_span.hpp>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::kafka {

using convoy::blocked;
using convoy::blocked_options;
using convoy::commit_options;
using convoy::in_flight_options;
using convoy::revoke_options;
using error = source_error;

/// Which lane records without a key have.
enum class null_key : unsigned char {
  per_partition, ///< one for each partition: they are handled in its order
  unordered,     ///< each its own
};

/// See processor_options for those that have the same names there.
template <class State = void>
struct consumer_options {
  // ---- what is read ----
  std::string brokers = {};             ///< "host:port,host:port"
  std::string group = {};               ///< consumer group
  std::vector<std::string> topics = {}; ///< names, or regular expressions that begin with ^
  kafka::null_key null_key = kafka::null_key::per_partition;
  in_flight_options in_flight = {};
  commit_options commit = {};
  revoke_options on_revoke = {};
  blocked_options blocked = {};

  // ---- failure: a record that has failed for good parks its key if both of the last are empty ----
  std::optional<failure_policy> failure = {};
  std::vector<exception_policy> exceptions = {};
  /// Dead letters become records of this topic: key, value and headers as they were, and headers
  /// convoy.topic, convoy.partition, convoy.offset, convoy.why, convoy.attempts, convoy.error. One is
  /// finished when the broker has it; until then it is sent again and again.
  std::string dead_letter_topic = {};
  /// Told, instead of report, of each dead letter that the topic refuses for good, once: it is too
  /// large, or we may not write there. It is sent again, as somebody may change that, and its position
  /// stands still; stop() gives it back. On the thread in run().
  std::function<void(std::string_view)> on_letter_refused = {};
  /// Instead of that topic. One that it moves away is finished by whoever has it then: record::done(),
  /// or its handler after a redrive.
  std::function<void(dead_letter<std::string, record>&)> dead_letters = {};

  /// Of librdkafka, for the consumer and for the producer of dead letters: "security.protocol" and the
  /// like. What the options here decide is refused.
  std::map<std::string, std::string> settings = {};
  time_span connect =
      std::chrono::seconds(10); ///< run() waits for brokers so long, at first and last
  /// Told what goes wrong and does not end it: brokers that are away, commits that fail, dead letters
  /// that can't be sent, records that hold up their partition. On the thread in run(). By default a
  /// line on stderr.
  std::function<void(std::string_view)> report = {};

  // ---- of the processor ----
  std::string name = {};
  std::function<void(const std::string&, std::exception_ptr)> on_error = {};
  std::function<void(const std::string&, std::exception_ptr)> on_parked = {};
  std::function<bool(const record&)> marker = {};
  /// Of this process: empty after a restart, when make() may load it, and as it was when a partition
  /// comes back that others had meanwhile. What must last is kept elsewhere.
  state_options<std::string, State> state = {};
  unsigned batch_limit = 64;
  time_span linger = std::chrono::nanoseconds(0);
  convoy::watchdog<std::string> watchdog = {};
  insight_options<std::string> insight = {};
  observer<std::string, record> observe = {};
};

/// What a consumer's reader is told.
struct reader_options : convoy::detail::source_options {
  std::string brokers;
  std::string group;
  std::vector<std::string> topics;
  kafka::null_key null_key;
  std::string dead_letter_topic;
  std::function<void(std::string_view)> on_letter_refused;

  template <class State>
  explicit reader_options(const consumer_options<State>& from)
      : source_options(from, from.on_revoke), brokers(from.brokers), group(from.group),
        topics(from.topics), null_key(from.null_key), dead_letter_topic(from.dead_letter_topic),
        on_letter_refused(from.on_letter_refused) {}
};

} // namespace convoy::kafka
