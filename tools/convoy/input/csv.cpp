#include "input/csv.hpp"

#include "input/columns.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace convoy::tool {
namespace {

struct column {
  std::size_t field;
  std::int64_t unit_ns;
};
using optional_column = std::optional<column>;

constexpr char key_separator = ';';

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  const std::size_t last = text.find_last_not_of(" \t");
  return first == std::string_view::npos ? "" : text.substr(first, last - first + 1);
}

std::string words(const csv_record& header) {
  std::string all;
  for (std::size_t field = 0; field < header.size(); ++field)
    all.append(field == 0 ? "" : ",").append(header[field]);
  return in_quotes(all);
}

/// The columns of a header line. Space around their names is no part of them.
class csv_header {
public:
  explicit csv_header(const csv_record& header) : header_{header} {}

  [[nodiscard]] optional_column find(const column_names& part) const {
    return find(part, part.must_exist);
  }

  [[nodiscard]] optional_column find(const column_names& part, bool must_exist) const {
    for (const column_name& name : part.names)
      if (const auto field = find(name.text))
        return column{*field, name.unit_ns};
    if (must_exist)
      throw input_error("no column is called " + in_quotes(part.names.front().text) +
                        "; choose one with " + std::string(part.option) + ": the header line has " +
                        words(header_));
    return std::nullopt;
  }

  void refuse_unread(const missing_parts& missing) const {
    for (std::size_t field = 0; field < header_.size(); ++field)
      tool::refuse_unread(trimmed(header_[field]), missing);
  }

private:
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const {
    std::optional<std::size_t> found;
    for (std::size_t field = 0; field < header_.size(); ++field) {
      if (trimmed(header_[field]) != trimmed(name))
        continue;
      if (found)
        throw input_error("two columns are called " + in_quotes(name) + "; rename one");
      found = field;
    }
    return found;
  }

  const csv_record& header_;
};

/// A number or a time, about which space may stand; empty where there is none.
std::string_view value_cell(const csv_record& record, optional_column at) {
  return at ? trimmed(record[at->field]) : std::string_view{};
}

std::optional<read_time> time_cell(const csv_record& record, optional_column at) {
  return parse_time(value_cell(record, at), at ? at->unit_ns : 0);
}

std::optional<std::int64_t> service_cell(const csv_record& record, optional_column at) {
  const std::string_view text = value_cell(record, at);
  return text.empty() ? std::nullopt
                      : std::optional{parse_decimal("service time", text, at->unit_ns)};
}

std::int64_t size_cell(const csv_record& record, optional_column at) {
  const std::string_view text = value_cell(record, at);
  return text.empty() ? 0 : parse_size("size", text);
}

/// All but the first, which stands before the first semicolon.
void read_further(std::string_view cell, std::vector<row_key>& keys) {
  keys.clear();
  for (std::size_t at = cell.find(key_separator); at != std::string_view::npos;) {
    const std::size_t end = cell.find(key_separator, at + 1);
    keys.push_back({cell.substr(at + 1, end == std::string_view::npos ? end : end - at - 1)});
    at = end;
  }
}

std::string field_of(std::size_t line) {
  return "the quoted field that begins on line " + std::to_string(line);
}

} // namespace

std::string_view csv_record::operator[](std::size_t field) const {
  const std::size_t begin = field == 0 ? 0 : ends_[field - 1];
  return std::string_view(text_).substr(begin, ends_[field] - begin);
}

bool csv_record::read(line_source& lines) {
  if (std::exchange(is_doubtful_, false))
    lines.put_back(std::exchange(further_lines_, {}));
  text_.clear();
  ends_.clear();
  further_lines_.clear();
  auto next = lines.next();
  const bool is_after_blank = next && next->empty();
  while (next && next->empty())
    next = lines.next();
  if (!next)
    return false;
  if (is_after_blank && are_keys_) {
    lines.put_back({lines.kept()});
    throw input_error("the line is blank, which is an empty key here; every event needs one");
  }

  is_doubtful_ = true;
  std::string_view line = *next;
  for (std::size_t at = 0;; ++at) { // each turn reads a field and steps over the comma behind it
    at = at < line.size() && line[at] == '"' ? read_quoted(lines, line, at + 1)
                                             : read_plain(line, at);
    ends_.push_back(text_.size());
    if (at == line.size())
      break;
  }
  is_doubtful_ = false;
  return true;
}

std::size_t csv_record::read_plain(std::string_view line, std::size_t from) {
  const std::size_t end = std::min(line.find(',', from), line.size());
  const std::string_view field = line.substr(from, end - from);
  if (field.find('"') != std::string_view::npos)
    throw input_error("a quote stands inside the unquoted field " + in_quotes(field) +
                      (field.starts_with('{') ? "; if these are JSON lines, say --format jsonl"
                                              : "; quote the field and write the quote twice"));
  if (field.find('\r') != std::string_view::npos)
    throw input_error("a carriage return stands inside the unquoted field " + in_quotes(field) +
                      "; quote the field, or end lines with a line feed");
  text_ += field;
  return end;
}

std::optional<std::string_view> csv_record::next_line(line_source& lines, std::size_t opened) try {
  return lines.next();
} catch (const unreadable&) {
  throw;
} catch (const input_error& error) {
  further_lines_.push_back(lines.kept()); // it is as bad without this record
  throw input_error(error.what() + (", in " + field_of(opened)));
}

std::size_t csv_record::read_quoted(line_source& lines, std::string_view& line, std::size_t from) {
  const std::size_t opened = lines.number();
  for (;;) {
    const std::size_t quote = line.find('"', from);
    text_ += line.substr(from, quote - from);
    if (quote == std::string_view::npos) {
      text_ += lines.line_break();
      if (text_.size() > line_source::longest_line)
        throw input_error(field_of(opened) +
                          " makes a record of more than 1 MiB; is its closing quote missing?");
      const auto next = next_line(lines, opened);
      if (!next)
        throw input_error(field_of(opened) + " is never closed; write the quote at its end");
      further_lines_.push_back(lines.kept());
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

void read_csv(line_source& lines, const read_options& options, trace_builder& events,
              bad_lines& bad) {
  csv_record record;
  if (!record.read(lines))
    return;
  const event_columns names{options};
  const csv_header header{record};
  const std::size_t columns = record.size();
  const optional_column keys = header.find(names.keys);
  const optional_column key = header.find(names.key, !keys);
  if (key && keys)
    refuse_two_keys(names.key, names.keys);
  const optional_column time = header.find(names.time);
  const optional_column service = header.find(names.service);
  const optional_column bytes = header.find(names.bytes);
  const optional_column access = header.find(names.access);
  header.refuse_unread({.time = !time && !names.time.names.empty(),
                        .service = !service && !names.service.names.empty(),
                        .bytes = !bytes && !names.bytes.names.empty(),
                        .access = !access && !names.access.names.empty(),
                        .keys = !keys && !names.keys.names.empty()});

  if (columns == 1)
    record.expect_keys();
  std::vector<row_key> further;
  const auto read_event = [&] {
    if (!record.read(lines))
      return false;
    if (record.size() != columns) {
      record.doubt();
      throw input_error("the line has " + std::to_string(record.size()) +
                        (record.size() == 1 ? " field" : " fields") + " where the header has " +
                        std::to_string(columns));
    }
    const auto came = time_cell(record, time);
    std::string_view first = record[(keys ? keys : key)->field];
    if (keys) {
      read_further(first, further);
      first = first.substr(0, first.find(key_separator));
    }
    events.add({.key = first,
                .at_ns = came ? std::optional{came->at_ns} : std::nullopt,
                .time_unit_ns = came ? came->unit_ns : 0,
                .service_ns = service_cell(record, service),
                .bytes = size_cell(record, bytes),
                .is_shared = parse_access(value_cell(record, access)),
                .further = further});
    return true;
  };
  while (bad.next_event(lines, read_event)) {
  }
}

} // namespace convoy::tool
