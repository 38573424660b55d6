#pragma once

// What a replay tells: a table for people, JSON for programs.

#include "input/trace.hpp"
#include "load/faults.hpp"
#include "measure/fault_figures.hpp"
#include "measure/figures.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace convoy::tool {

/// How the runs were made. Everything that the user left open is here as it was chosen.
struct replay_config {
  std::string source;          ///< of the messages
  bool closed = true;          ///< submitted as fast as it is taken
  double speed = 1;            ///< otherwise: at the pace of the trace times this
  std::string service;         ///< as for --service
  std::string service_kind;    ///< "spin" or "sleep"
  unsigned workers = 1;        ///< the most that were tried
  std::vector<unsigned> sweep; ///< all numbers of them that were tried; empty: that one alone
  unsigned producers = 1;
  std::size_t capacity = 1;
  bool conflates = false; ///< lanes, of each key
  std::uint64_t seed = 1;
  unsigned cores = 1;
  std::optional<std::uint64_t> skip_bad; ///< bad lines that may be left out; the largest: all
  std::optional<fault_options> faults;   ///< with them there are two runs, the first without
  std::vector<std::string>
      defaults; ///< options above that the user did not give, as on the command line
};

/// Workers that can run at once: those that spin need a core each.
[[nodiscard]] unsigned effective_workers(const replay_config&, unsigned workers);

struct report {
  std::string version; ///< of the program
  replay_config config;
  std::vector<std::string> keys; ///< names, by index
  trace_figures trace;
  left_out not_read;
  std::vector<std::string> warnings; ///< of an input that is not what it seems, one sentence each
  std::vector<run_figures> runs;
  std::optional<fault_figures> faults; ///< where config.faults is
};

/// UTF-8 text in at most 120 columns, without colour. Ends with a line feed.
[[nodiscard]] std::string to_table(const report&);

/// "1,000 messages of 20 keys", and how many of them are joint.
[[nodiscard]] std::string messages_text(const trace_figures&);

/// The hottest keys of the trace, as a part of a table.
[[nodiscard]] std::string hottest_text(const report&);

/// What the figures mean, one sentence a line, without the reader having to compare rows.
[[nodiscard]] std::vector<std::string> findings(const report&);

/// Whether chance decides how so few messages fare.
[[nodiscard]] bool is_too_few(const report&);
[[nodiscard]] std::string too_few_messages(const report&); ///< says so

/// What of the input is not in the figures, one sentence a line; none where everything is.
[[nodiscard]] std::vector<std::string> not_read(const report&);

/// A JSON object; figures that do not exist, as the latency of no message, are null. Ends with a
/// line feed.
[[nodiscard]] std::string to_json(const report&);

} // namespace convoy::tool
