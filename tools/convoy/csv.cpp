#include "csv.hpp"

#include "parse.hpp"

#include <algorithm>
#include <optional>

namespace convoy::tool {
namespace {

using column = std::optional<std::size_t>;

std::string words(const csv_record& header) {
  std::string all;
  for (std::size_t field = 0; field < header.size(); ++field)
    all.append(field == 0 ? "" : ",").append(header[field]);
  return in_quotes(all);
}

column find_column(const csv_record& header, const std::optional<std::string>& named,
                   std::string_view standard, bool required) {
  const std::string_view name = named ? std::string_view(*named) : standard;
  if (name.empty() && !required)
    return std::nullopt;
  column found;
  for (std::size_t field = 0; field < header.size(); ++field) {
    if (header[field] != name)
      continue;
    if (found)
      throw input_error("two columns are called " + in_quotes(name) + "; rename one");
    found = field;
  }
  if (!found && (named || required))
    throw input_error("no column is called " + in_quotes(name) + "; the header line has " +
                      words(header));
  return found;
}

std::string_view cell(const csv_record& record, column at) {
  return at ? record[*at] : std::string_view{};
}

std::optional<std::int64_t> decimal_cell(const csv_record& record, column at, std::string_view what,
                                         std::int64_t unit) {
  const std::string_view text = cell(record, at);
  if (text.empty())
    return std::nullopt;
  return parse_decimal(what, text, unit);
}

} // namespace

std::string_view csv_record::operator[](std::size_t field) const {
  const std::size_t begin = field == 0 ? 0 : ends_[field - 1];
  return std::string_view(text_).substr(begin, ends_[field] - begin);
}

bool csv_record::read(line_source& lines) {
  auto next = lines.next();
  while (next && next->empty())
    next = lines.next();
  if (!next)
    return false;

  text_.clear();
  ends_.clear();
  std::string_view line = *next;
  for (std::size_t at = 0;; ++at) { // each turn reads a field and steps over the comma behind it
    at = at < line.size() && line[at] == '"' ? read_quoted(lines, line, at + 1)
                                             : read_plain(line, at);
    ends_.push_back(text_.size());
    if (at == line.size())
      return true;
  }
}

std::size_t csv_record::read_plain(std::string_view line, std::size_t from) {
  const std::size_t end = std::min(line.find(',', from), line.size());
  const std::string_view field = line.substr(from, end - from);
  if (field.find('"') != std::string_view::npos)
    throw input_error("a quote stands inside the unquoted field " + in_quotes(field) +
                      "; quote the field and write the quote twice");
  text_ += field;
  return end;
}

std::size_t csv_record::read_quoted(line_source& lines, std::string_view& line, std::size_t from) {
  const std::size_t opened = lines.number();
  const auto unclosed = [&] {
    return input_error("the quote opened on line " + std::to_string(opened) + " is never closed");
  };
  for (;;) {
    const std::size_t quote = line.find('"', from);
    text_ += line.substr(from, quote - from);
    if (quote == std::string_view::npos) {
      text_ += '\n';
      const auto next = lines.next();
      if (!next || text_.size() > line_source::longest_line)
        throw unclosed();
      line = *next;
      from = 0;
      continue;
    }
    from = quote + 1;
    if (from == line.size() || line[from] == ',')
      return from;
    if (line[from] != '"')
      throw input_error("text follows the closing quote of a field; write a quote inside it twice");
    text_ += '"';
    ++from;
  }
}

void read_csv(line_source& lines, const read_options& options, trace_builder& events) {
  csv_record record;
  if (!record.read(lines))
    return;
  const std::size_t columns = record.size();
  const column key = find_column(record, options.key_column, "key", true);
  const column time = find_column(record, options.time_column, "timestamp_us", false);
  const column service = find_column(record, options.service_column, "service_us", false);
  const column bytes = find_column(record, options.bytes_column, "bytes", false);

  while (record.read(lines)) {
    if (record.size() != columns)
      throw input_error("the line has " + std::to_string(record.size()) +
                        (record.size() == 1 ? " field" : " fields") + " where the header has " +
                        std::to_string(columns));
    events.add({.key = cell(record, key),
                .at_us = decimal_cell(record, time, "time", 1),
                .service_ns = decimal_cell(record, service, "service time", 1000),
                .bytes = decimal_cell(record, bytes, "size", 1).value_or(0)});
  }
}

} // namespace convoy::tool
