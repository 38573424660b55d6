#pragma once

// The file of --trace: what each run did, for Perfetto.

#include "load/workload.hpp"

#include <convoy/recording.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace convoy::tool {

/// `path` must outlive the parsing.
void declare_trace(CLI::App& command, std::optional<std::string>& path);

class trace_file {
public:
  /// Nothing where the user wants none. Refuses, before anything has run, a file that could not be
  /// written in the end, or that is one of `inputs`. Throws input_error and std::system_error.
  trace_file(std::optional<std::string> path, const std::vector<std::string>& inputs);

  [[nodiscard]] bool is_wanted() const { return path_.has_value(); }

  /// `run` was traced; it is one of so many, which share the room.
  void add(const workload&, const run&, std::size_t runs);

  /// Says on stderr what there was no room for. Throws std::system_error.
  void write() const;

private:
  std::optional<std::string> path_;
  std::vector<recording> runs_;
};

} // namespace convoy::tool
