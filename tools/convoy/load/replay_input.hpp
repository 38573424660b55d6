#pragma once

// From what the user asked for to the workload of a replay: input or generator, service times,
// pace.

#include "broker/request.hpp"
#include "input/reader.hpp"
#include "input/trace.hpp"
#include "load/generator.hpp"
#include "load/workload.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace convoy::tool {

struct input_options {
  std::vector<std::string> files;
  read_options reading;
  std::optional<broker_request> broker; ///< read this instead of `files`
  std::optional<zipf_law> zipf;         ///< generate instead of reading `files`
  double hot_share = 0;
  double rate = 0; ///< of generated messages, per second; 0: as fast as they are taken
  std::uint64_t seed = 1;
};

/// Reads the files or generates the messages. Throws input_error.
[[nodiscard]] trace load_trace(const input_options&);

/// Whether writing to `path` would overwrite one of the input files; "-" is standard input.
[[nodiscard]] bool is_one_of(const std::string& path, const std::vector<std::string>& files);

/// The data set of the project: where it was installed with this program, or in the source tree.
/// Throws input_error if it is in neither.
[[nodiscard]] std::string default_data();

/// Messages in order of arrival; open at the trace's pace times `speed`, closed without. Throws
/// input_error for a pace that the trace has no times for, or that would take centuries.
[[nodiscard]] workload make_workload(trace, const std::vector<std::int64_t>& service_ns,
                                     std::optional<double> speed);

} // namespace convoy::tool
