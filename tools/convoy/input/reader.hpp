#pragma once

// Reads a trace from files: CSV, web-server access logs and JSON lines, plain or gzip.

#include "input/trace.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace convoy::tool {

enum class input_format {
  csv,   ///< RFC 4180 with a header line that names the columns
  clf,   ///< web-server access log, common or combined
  jsonl, ///< one JSON object per line; its fields are the columns
};

/// Where the parts of an event are. A name that is set must exist in the input, an empty one means
/// "do not read this"; unset stands for the default, which may be absent (the key may not). Access
/// logs have their key alone to choose: "path", the default, or "host".
struct read_options {
  input_format format = input_format::csv;
  std::optional<std::string> key_column = {};     ///< default "key"
  std::optional<std::string> time_column = {};    ///< default "timestamp_us", or _ns, _ms, _s
  std::optional<std::string> service_column = {}; ///< default "service_us", or _ns, _ms, _s
  std::optional<std::string> bytes_column = {};   ///< default "bytes"
  std::optional<std::string> access_column = {};  ///< default "access"
  /// Of all keys of an event, instead of key_column; default "keys", where no key_column is set.
  std::optional<std::string> keys_column = {};
  /// Of numbers in time_column; unset: what the name of the column ends with, else microseconds.
  std::optional<std::int64_t> time_unit_ns = {};
  std::uint64_t skip_bad = 0; ///< so many lines that cannot be read may be left out
};

/// Reads the files as one stream, in the order given; "-" is standard input, gzip is recognised by
/// its first bytes. Times, also in ISO 8601, and service are kept to the nanosecond; keys are kept
/// byte by byte.
///
/// The keys of an event with several are separated by semicolons in CSV; in JSON they are an array.
///
/// Times and service are each filled on every event or on none; empty bytes count as 0. Arrivals
/// are made relative to the earliest. Logs written by several threads step back in time now and
/// then, and several files overlap: events are sorted by time, equal times stay in input order.
///
/// A standard name that is missing, while another column seems to be meant (timestamp, Service_ms),
/// is refused. Holds the events and one record in memory. Throws input_error; nothing partial is
/// returned, but for the lines that skip_bad allows to leave out: see trace::not_read.
trace read_trace(const std::vector<std::string>& files, const read_options& options);

} // namespace convoy::tool
