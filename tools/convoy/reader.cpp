#include "reader.hpp"

#include "clf.hpp"
#include "csv.hpp"
#include "jsonl.hpp"
#include "line_source.hpp"
#include "trace_builder.hpp"

#include <utility>

namespace convoy::tool {
namespace {

void read_lines(line_source& lines, const read_options& options, trace_builder& events) {
  switch (options.format) {
  case input_format::csv:
    return read_csv(lines, options, events);
  case input_format::clf:
    return read_clf(lines, options, events);
  case input_format::jsonl:
    return read_jsonl(lines, options, events);
  }
}

std::string name_of(const std::string& file) {
  return file == "-" ? "standard input" : file;
}

/// The one place that says where an input is wrong; what is thrown below it only says what.
void read_file(const std::string& path, const read_options& options, trace_builder& events) {
  std::string place = name_of(path);
  try {
    line_source lines{open_file(path)};
    const std::size_t before = events.size();
    try {
      read_lines(lines, options, events);
    } catch (const input_error&) {
      if (lines.number() > 0)
        place += ":" + std::to_string(lines.number());
      throw;
    }
    if (events.size() == before)
      throw input_error(lines.number() == 0
                            ? "the file is empty"
                            : "the file has no events, only a header or blank lines");
  } catch (const input_error& error) {
    throw input_error(place + ": " + error.what());
  }
}

} // namespace

trace read_trace(const std::vector<std::string>& files, const read_options& options) {
  if (files.empty())
    throw input_error("no input file is given");
  trace_builder events;
  std::string source;
  for (const std::string& file : files) {
    read_file(file, options, events);
    source.append(source.empty() ? "" : ", ").append(name_of(file));
  }
  trace made = std::move(events).finish();
  made.source = source;
  return made;
}

} // namespace convoy::tool
