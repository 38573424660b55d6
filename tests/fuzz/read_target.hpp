#pragma once

#include "input/bad_lines.hpp"
#include "input/reader.hpp"
#include "input/trace_builder.hpp"
#include "memory_file.hpp"

#include <cstdlib>
#include <optional>
#include <utility>

using read_function = void (*)(convoy::tool::line_source&, const convoy::tool::read_options&,
                               convoy::tool::trace_builder&, convoy::tool::bad_lines&);

inline void require(bool holds) {
  if (!holds)
    std::abort();
}

/// A trace that keeps its promises; nothing where an input_error of one line says why there is none.
inline std::optional<convoy::tool::trace> read_once(read_function read, const std::uint8_t* data,
                                                    std::size_t size,
                                                    const convoy::tool::read_options& options) {
  using namespace convoy::tool;
  try {
    left_out not_read;
    bad_lines bad{options.skip_bad, not_read};
    line_source lines{memory_file(data, size)};
    trace_builder builder;
    read(lines, options, builder, bad);
    trace made = std::move(builder).finish();
    made.not_read = not_read;

    std::int64_t previous = 0;
    for (const event& e : made.events) {
      require(e.at_ns >= previous && (made.has_times || e.at_ns == 0));
      require(e.service_ns >= 0 && (made.has_service || e.service_ns == 0));
      require(e.bytes >= 0 && e.key < made.keys.size());
      previous = e.at_ns;
    }
    require(made.events.empty() || made.events.front().at_ns == 0);
    for (const std::string& key : made.keys)
      require(!key.empty());
    for (const std::string& reason : not_read.first_bad)
      require(reason.find('\n') == std::string::npos);
    return made;
  } catch (const input_error& error) {
    const std::string_view what = error.what();
    require(!what.empty() && what.find('\n') == std::string_view::npos);
    return std::nullopt;
  }
}

/// Any bytes are a trace or an error. What is read without a bad line is read alike where bad lines
/// may be left out.
inline void read_any(read_function read, const std::uint8_t* data, std::size_t size,
                     convoy::tool::read_options options = {}) {
  const auto strict = read_once(read, data, size, options);
  options.skip_bad = convoy::tool::bad_lines::all;
  const auto lenient = read_once(read, data, size, options);
  if (!strict)
    return;
  require(lenient.has_value() && lenient->not_read.bad_lines == 0);
  require(lenient->keys == strict->keys && lenient->events.size() == strict->events.size());
}
