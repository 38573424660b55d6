#pragma once

#include "memory_file.hpp"
#include "reader.hpp"
#include "trace_builder.hpp"

#include <cstdlib>
#include <utility>

using read_function = void (*)(convoy::tool::line_source&, const convoy::tool::read_options&,
                               convoy::tool::trace_builder&);

/// Any bytes are a trace that keeps its promises, or an input_error of one line.
inline void read_any(read_function read, const std::uint8_t* data, std::size_t size,
                     const convoy::tool::read_options& options = {}) {
  using namespace convoy::tool;
  const auto require = [](bool holds) {
    if (!holds)
      std::abort();
  };
  try {
    line_source lines{memory_file(data, size)};
    trace_builder builder;
    read(lines, options, builder);
    const trace made = std::move(builder).finish();

    std::int64_t previous = 0;
    for (const event& e : made.events) {
      require(e.at_us >= previous && (made.has_times || e.at_us == 0));
      require(e.service_ns >= 0 && (made.has_service || e.service_ns == 0));
      require(e.bytes >= 0 && e.key < made.keys.size());
      previous = e.at_us;
    }
    require(made.events.empty() || made.events.front().at_us == 0);
    for (const std::string& key : made.keys)
      require(!key.empty());
  } catch (const input_error& error) {
    const std::string_view what = error.what();
    require(!what.empty() && what.find('\n') == std::string_view::npos);
  }
}
