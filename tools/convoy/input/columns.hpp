#pragma once

// What the parts of an event are called where columns have names, and in which unit they stand
// there. The same for the columns of CSV and the fields of JSON.

#include "input/reader.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// A name under which a part is looked for.
struct column_name {
  std::string text;
  std::int64_t unit_ns; ///< of what stands there; of no meaning for keys and sizes
};

/// A part of an event and the names it may have, the preferred one first; no names: it is not read.
struct column_names {
  std::vector<column_name> names;
  std::string_view option; ///< that names another one
  bool must_exist = false; ///< named by the user, or the key
};

/// The names of each part, the user's own or the standard ones.
struct event_columns {
  explicit event_columns(const read_options&);

  column_names key, keys, time, service, bytes, access; ///< an event has one of key and keys
};

/// Whether an event may be handled beside others of its key: "shared", or "exclusive", which nothing
/// means as well.
bool parse_access(std::string_view text);

/// Throws input_error: the source has a key and keys, or neither.
[[noreturn]] void refuse_two_keys(const column_names& key, const column_names& keys);

/// Nanoseconds of the unit that a name ends with, after a separator or as a word of its own
/// (timestamp_ms, cost.us, "time (s)", tookMillis); nothing where it ends with none.
std::optional<std::int64_t> unit_of(std::string_view name);

/// Parts that could be read and are not, as nothing has one of their names.
struct missing_parts {
  bool time, service, bytes, access, keys;
};

/// Refuses a name that seems to be meant for a part that is missing, because a run without it would
/// look like one with it: "Timestamp" and "time_ms" for the time, "service_sec" for the service time,
/// "Bytes" for the size, "Access", "Keys".
void refuse_unread(std::string_view name, const missing_parts& missing);

struct read_time {
  std::int64_t at_ns = 0;
  std::int64_t unit_ns = 0; ///< of the number that it was; 0: it was none
};

/// A time: a number in that unit, or ISO 8601; nothing where there is no text.
std::optional<read_time> parse_time(std::string_view text, std::int64_t unit_ns);

} // namespace convoy::tool
