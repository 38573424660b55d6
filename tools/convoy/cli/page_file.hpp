#pragma once

// The file of --report: a page that explains the runs.

#include "load/workload.hpp"
#include "report/page_data.hpp"
#include "report/report.hpp"

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace convoy::tool {

/// `path` must outlive the parsing.
void declare_page(CLI::App& command, std::optional<std::string>& path);

class page_file {
public:
  /// Nothing where the user wants none. Refuses, before anything has run, a page that could not be
  /// made or written in the end, or that is one of `inputs`. Throws input_error and
  /// std::system_error.
  page_file(std::optional<std::string> path, const std::vector<std::string>& inputs);

  /// To be called with each run that is reported, in their order.
  void add(const workload&, const run&);

  /// Predicts what the page shows, which takes a while for many messages. Throws std::system_error.
  void write(const workload&, const report&);

private:
  std::optional<std::string> path_;
  page_data data_;
};

} // namespace convoy::tool
