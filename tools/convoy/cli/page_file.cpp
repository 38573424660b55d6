#include "cli/page_file.hpp"

#include "cli/output.hpp"
#include "report/output_file.hpp"
#include "report/page.hpp"
#include "text/input_error.hpp"

#include <CLI/CLI.hpp>
#include <utility>

namespace convoy::tool {

void declare_page(CLI::App& command, std::optional<std::string>& path) {
  command
      .add_option("--report", path,
                  "Write a page (HTML, nothing to load) that explains the run with\n"
                  "charts, and predicts: how many workers? what if a key were split?")
      ->type_name("FILE")
      ->group("Output");
}

page_file::page_file(std::optional<std::string> path, const std::vector<std::string>& inputs)
    : path_{std::move(path)} {
  if (!path_)
    return;
  require_page();
  if (*path_ == "-")
    throw input_error{"--report: the page goes to a file, not to stdout; name one"};
  check_file("--report", *path_, inputs);
}

void page_file::add(const workload& load, const run& seen) {
  if (path_)
    add_run(data_, load, seen);
}

void page_file::write(const workload& load, const report& result) {
  if (!path_)
    return;
  complete(data_, load, result);
  write_file(*path_, to_page(result, data_));
}

} // namespace convoy::tool
