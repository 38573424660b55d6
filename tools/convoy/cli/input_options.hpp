#pragma once

// The part of the command line that says where messages come from and how they are submitted: the
// same for every command that takes a load.

#include "cli/defaults_taken.hpp"
#include "load/replay_input.hpp"
#include "load/workload.hpp"
#include "report/report.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace convoy::tool {

inline constexpr std::uint64_t most_threads = 1024;

/// As the user wrote it; what is empty was left open.
struct input_line {
  std::vector<std::string> files;
  std::string format = "csv";
  std::optional<std::string> key_column, time_column, time_unit, service_column, bytes_column,
      access_column, keys_column;
  std::optional<std::uint64_t> skip_bad;
  std::vector<std::string> broker_settings; ///< KEY=VALUE
  std::optional<std::uint64_t> last, key_token;
  std::optional<std::string> from, key_header, broker_timeout;
  std::optional<std::string> zipf, hot;
  std::optional<std::uint64_t> seed;
  bool closed = false;
  std::optional<double> rate, speed;
  std::optional<std::string> service, service_kind;
};

/// `line` must outlive the parsing.
void declare_input(CLI::App& command, input_line& line);

/// The option --capacity, of the group of the command's own options. `capacity` must outlive the
/// parsing.
void declare_capacity(CLI::App& command, std::optional<std::size_t>& capacity, const char* group);

/// The last paragraph but one of a command's help: what a file must look like.
extern const char* const input_words;

/// Where the input is and how to read it, or how to generate it. Throws input_error.
[[nodiscard]] input_options parse_input(const input_line&, std::uint64_t seed);

/// Reads or generates the messages and gives them their service times. Sets what `result` tells of
/// them: source, seed, service, pace and what was not read; notes there what the user left open,
/// and the names of the keys. `shows_progress`: a bar while a broker is read. Throws input_error.
[[nodiscard]] workload make_load(const input_line&, report& result, defaults_taken&,
                                 bool shows_progress);

/// Throws input_error for a load that can't be conflated, if it is to be.
void check_conflation(const workload&, bool conflates);

/// Throws input_error where a message has more keys than there is room for.
void check_capacity(const workload&, std::size_t capacity);

} // namespace convoy::tool
