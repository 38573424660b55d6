#include "cli/trace_file.hpp"

#include "cli/output.hpp"
#include "report/output_file.hpp"
#include "report/run_recording.hpp"
#include "text/format.hpp"
#include "text/input_error.hpp"

#include <CLI/CLI.hpp>
#include <convoy/insight/trace.hpp>
#include <iostream>
#include <sstream>
#include <utility>

namespace convoy::tool {
namespace {

/// Of all runs together: some 60 MB, with which a viewer in a browser is still quick.
constexpr std::size_t most_slices = 1'000'000;

} // namespace

void declare_trace(CLI::App& command, std::optional<std::string>& path) {
  command
      .add_option("--trace", path,
                  "Write what each worker ran when, for ui.perfetto.dev: a process\n"
                  "for each run, all from time 0; the first million slices of it")
      ->type_name("FILE")
      ->group("Output");
}

trace_file::trace_file(std::optional<std::string> path, const std::vector<std::string>& inputs)
    : path_{std::move(path)} {
  if (!path_)
    return;
  if (*path_ == "-")
    throw input_error{"--trace: it goes to a file, not to stdout; name one"};
  check_file("--trace", *path_, inputs);
}

void trace_file::add(const workload& load, const run& of, std::size_t runs) {
  if (is_wanted())
    runs_.push_back(recording_of(load, of, most_slices / runs));
}

void trace_file::write() const {
  if (!path_)
    return;
  std::ostringstream text;
  write_trace(text, runs_);
  write_file(*path_, std::move(text).str());
  for (const recording& r : runs_)
    if (r.dropped > 0)
      std::cerr << "convoy: --trace: of " << r.name << " there was room for the first "
                << plural(r.slices.size(), "slice") << "; " << plural(r.dropped, "later one")
                << " did not fit\n";
}

} // namespace convoy::tool
