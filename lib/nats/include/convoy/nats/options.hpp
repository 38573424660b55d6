#pragma once

#include <chrono>
#include <convoy/detail/source/source_options.hpp>
#include <convoy/failure.hpp>
#include <convoy/insight.hpp>
#include <convoy/nats/record.hpp>
#include <convoy/observer.hpp>
#include <convoy/options.hpp>
#include <convoy/source.hpp>
#include <convoy/time_span.hpp>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy::nats {

using convoy::blocked;
using convoy::blocked_options;
using convoy::commit_options;
using convoy::in_flight_options;
using convoy::revoke_options;
using error = source_error;

/// What the key of a record is.
class key_rule {
public:
  key_rule() noexcept = default; ///< its whole subject

  [[nodiscard]] std::size_t token() const noexcept { return token_; }          ///< 0: none
  [[nodiscard]] const std::string& header() const noexcept { return header_; } ///< empty: none

private:
  friend key_rule token(std::size_t);
  friend key_rule header_key(std::string);

  std::size_t token_ = 0;
  std::string header_;
};

/// A token of its subject, of which the first is 1: of "orders.anna.new" token(2) is "anna". Throws
/// std::invalid_argument for 0.
[[nodiscard]] key_rule token(std::size_t which);
/// The first header of that name. Throws std::invalid_argument for an empty one.
[[nodiscard]] key_rule header_key(std::string name);

/// Which lane records without that token or header have.
enum class null_key : unsigned char {
  per_stream, ///< one: they are handled in the stream's order
  unordered,  ///< each its own
};

/// See processor_options for those that have the same names there.
template <class State = void>
struct consumer_options {
  // ---- what is read ----
  std::string url = {};     ///< "nats://host:port", or several with commas between them
  std::string stream = {};  ///< there must be one of that name
  std::string subject = {}; ///< only messages that match it; empty: all of the stream
  /// Whose position it is. Of several with the same name the latest reads on, and the others end.
  /// Letters, digits, and - _ = / .
  std::string name = {};
  /// Where positions are kept: keys and values of JetStream, made if there is none.
  std::string bucket = "convoy_positions";
  key_rule key = {}; ///< token(2), header_key("Account"); by default the whole subject
  nats::null_key null_key = nats::null_key::per_stream;
  in_flight_options in_flight = {};
  commit_options commit = {};
  revoke_options on_stop = {};
  blocked_options blocked = {};

  // ---- failure: a record that has failed for good parks its key if both of the last are empty ----
  std::optional<failure_policy> failure = {};
  std::vector<exception_policy> exceptions = {};
  /// Dead letters are published to this subject, which a stream must take in, with value and headers
  /// as they were, and headers convoy.stream, convoy.sequence, convoy.subject, convoy.why,
  /// convoy.attempts, convoy.error. One is finished when that stream has it; until then it is sent
  /// again and again.
  std::string dead_letter_subject = {};
  /// Instead of that subject. One that it moves away is finished by whoever has it then:
  /// record::done(), or its handler after a redrive.
  std::function<void(dead_letter<std::string, record>&)> dead_letters = {};

  /// "user" and "password", or "token", or "credentials" (a file), unless they are in the url; "tls"
  /// ("true"), "tls.ca", "tls.certificate" and "tls.key" (files), "tls.hostname".
  std::map<std::string, std::string> settings = {};
  time_span connect = std::chrono::seconds(10); ///< run() waits for the server so long at first
  /// Told what goes wrong and does not end it: a server that is away, commits that fail, dead letters
  /// that can't be sent, records that hold up the others. On the thread in run(). By default a line on
  /// stderr.
  std::function<void(std::string_view)> report = {};

  // ---- of the processor, whose name is the one above ----
  std::function<void(const std::string&, std::exception_ptr)> on_error = {};
  std::function<void(const std::string&, std::exception_ptr)> on_parked = {};
  std::function<bool(const record&)> marker = {};
  /// Of this process: empty after a restart, when make() may load it. What must last is kept elsewhere.
  state_options<std::string, State> state = {};
  unsigned batch_limit = 64;
  time_span linger = std::chrono::nanoseconds(0);
  convoy::watchdog<std::string> watchdog = {};
  insight_options<std::string> insight = {};
  observer<std::string, record> observe = {};
};

/// What a consumer's reader is told.
struct reader_options : convoy::detail::source_options {
  std::string url;
  std::string stream;
  std::string subject;
  std::string name;
  std::string bucket;
  key_rule key;
  nats::null_key null_key;
  std::string dead_letter_subject;

  template <class State>
  explicit reader_options(const consumer_options<State>& from)
      : source_options(from, from.on_stop), url(from.url), stream(from.stream),
        subject(from.subject), name(from.name), bucket(from.bucket), key(from.key),
        null_key(from.null_key), dead_letter_subject(from.dead_letter_subject) {}
};

} // namespace convoy::nats
