#pragma once

// What is the same in the options of every consumer behind a broker: what its reader takes of them,
// and what makes no sense.

#include "convoy/source.hpp"
#include "convoy/time_span.hpp"

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::detail {

/// A component, and those of its options that have a name of their own, for sentences about them.
struct source_names {
  const char* component;    ///< "convoy::kafka"
  const char* at_end;       ///< its revoke_options: "on_revoke"
  const char* dead_letters; ///< where they go, at the broker: "dead_letter_topic"
};

/// What the readers of all brokers are told. One that is new stands here, in the options of each
/// consumer, which name it the same, and in check().
struct source_options {
  in_flight_options in_flight;
  commit_options commit;
  revoke_options at_end;
  blocked_options blocked;
  std::map<std::string, std::string> settings;
  time_span connect;
  std::function<void(std::string_view)> report;

  template <class Options>
  source_options(const Options& from, const revoke_options& its_end)
      : in_flight(from.in_flight), commit(from.commit), at_end(its_end), blocked(from.blocked),
        settings(from.settings), connect(from.connect), report(from.report) {}

  /// Throws std::invalid_argument.
  void check(const source_names& of) const;
  /// A line on stderr, if nobody is to be told.
  void report_to_somebody(const source_names& of);
};

[[nodiscard]] std::function<void(std::string_view)> to_stderr(const char* component);

/// Throws std::invalid_argument for an option that is empty and must not be.
void must_be_set(const source_names& of, const char* what, bool is_set);

/// Throws std::invalid_argument if one of the addresses, which have commas between them, begins with a
/// scheme, as http://, that is not known. `form`: what they should be. Shows no password.
void check_schemes(const source_names& of, const char* option, const char* form,
                   const std::string& addresses, const std::vector<std::string_view>& known);

/// Throws std::invalid_argument. `users`: there is a sink of theirs; `at_broker`: or a place there.
void check_dead_letters(const source_names& of, bool users, bool at_broker, blocked then);

} // namespace convoy::detail
