#include "input/reader.hpp"

#include "input/bad_lines.hpp"
#include "input/clf.hpp"
#include "input/csv.hpp"
#include "input/jsonl.hpp"
#include "input/line_source.hpp"
#include "input/trace_builder.hpp"

#include <utility>

namespace convoy::tool {
namespace {

void read_lines(line_source& lines, const read_options& options, trace_builder& events,
                bad_lines& bad) {
  switch (options.format) {
  case input_format::csv:
    return read_csv(lines, options, events, bad);
  case input_format::clf:
    return read_clf(lines, options, events, bad);
  case input_format::jsonl:
    return read_jsonl(lines, options, events, bad);
  }
}

std::string name_of(const std::string& file) {
  return file == "-" ? "standard input" : file;
}

/// The one place that says where an input is wrong; what is thrown below it only says what.
void read_file(const std::string& path, const read_options& options, trace_builder& events,
               bad_lines& bad, left_out& not_read) {
  const std::string name = name_of(path);
  std::string place = name;
  try {
    line_source lines{open_file(path)};
    const std::size_t before = events.size();
    bad.begin_file(name);
    try {
      read_lines(lines, options, events, bad);
    } catch (const input_error&) {
      if (lines.number() > 0)
        place += ":" + std::to_string(lines.number());
      throw;
    }
    if (events.size() == before && bad.of_this_file() > 0)
      throw input_error("the file has no events, only bad lines: --skip-bad would leave out all " +
                        std::to_string(bad.of_this_file()) + "; first " +
                        not_read.first_bad.front());
    if (events.size() == before)
      throw input_error(lines.number() == 0
                            ? "the file is empty"
                            : "the file has no events, only a header or blank lines");
    if (!lines.note().empty())
      not_read.notes.push_back(name + ": " + lines.note());
  } catch (const input_error& error) {
    throw input_error(place + ": " + error.what());
  }
}

} // namespace

trace read_trace(const std::vector<std::string>& files, const read_options& options) {
  if (files.empty())
    throw input_error("no input file is given");
  left_out not_read;
  bad_lines bad{options.skip_bad, not_read};
  trace_builder events{[&](std::size_t earlier) { return bad.leave_out_earlier(earlier); }};
  std::string source;
  for (const std::string& file : files) {
    read_file(file, options, events, bad, not_read);
    source.append(source.empty() ? "" : ", ").append(name_of(file));
  }
  trace made = std::move(events).finish();
  made.source = source;
  made.not_read = std::move(not_read);
  return made;
}

} // namespace convoy::tool
