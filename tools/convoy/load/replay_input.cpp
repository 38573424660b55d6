#include "load/replay_input.hpp"

#include "text/parse.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace convoy::tool {
namespace {

/// Arrival at a changed pace, in nanoseconds; exact where the pace is the trace's own.
std::int64_t at_pace(std::int64_t at_ns, double speed) {
  if (speed == 1 && at_ns <= century_ns)
    return at_ns;
  const double ns = static_cast<double>(at_ns) / speed;
  if (!(ns <= static_cast<double>(century_ns)))
    throw input_error{"at this --speed the trace lasts longer than a century"};
  return static_cast<std::int64_t>(ns);
}

std::vector<std::int64_t> bytes_per_key(const trace& source) {
  std::vector<std::int64_t> bytes(source.keys.size(), 0);
  for (const event& e : source.events) {
    bytes[e.key] += e.bytes;
    for (const std::uint32_t key : source.further(e))
      bytes[key] += e.bytes;
  }
  if (std::ranges::all_of(bytes, [](std::int64_t n) { return n == 0; }))
    bytes.clear();
  return bytes;
}

} // namespace

trace load_trace(const input_options& options) {
  if (options.zipf)
    return generate({*options.zipf, options.hot_share, options.rate, options.seed});
  return read_trace(options.files, options.reading);
}

bool is_one_of(const std::string& path, const std::vector<std::string>& files) {
  std::error_code none; // what does not exist is not the same
  return std::filesystem::is_regular_file(path, none) &&
         std::ranges::any_of(files, [&](const std::string& file) {
           return std::filesystem::equivalent(path, file == "-" ? "/dev/stdin" : file, none);
         });
}

std::string default_data() {
  namespace fs = std::filesystem;
  std::error_code none; // without /proc the program does not know where it is
  const fs::path program = fs::read_symlink("/proc/self/exe", none);
  const fs::path installed = (program.parent_path() / CONVOY_INSTALLED_DATA).lexically_normal();
  for (const fs::path& path : {installed, fs::path{CONVOY_SOURCE_DATA}})
    if (fs::exists(path, none))
      return path.string();
  throw input_error{"the default data " + installed.string() +
                    " is missing: name a file, or use --zipf"};
}

workload make_workload(trace source, const std::vector<std::int64_t>& service_ns,
                       std::optional<double> speed) {
  if (speed && !source.has_times)
    throw input_error{source.source + ": has no times to replay at a --speed; use --closed, or " +
                      "--rate with --zipf"};
  workload load;
  load.messages.reserve(source.events.size());
  std::vector<std::uint32_t> next_position(source.keys.size(), 0);
  for (std::size_t i = 0; i < source.events.size(); ++i) {
    const event& e = source.events[i];
    load.messages.push_back(
        {.arrival_ns = speed ? at_pace(e.at_ns, *speed) : 0,
         .service_ns = service_ns[i],
         .key = e.key,
         .position = next_position[e.key]++,
         .is_shared = e.is_shared,
         .further_count = e.further_count,
         .further_begin = static_cast<std::uint32_t>(load.further_places.size())});
    for (const std::uint32_t key : source.further(e))
      load.further_places.push_back({key, next_position[key]++});
    load.has_shared |= e.is_shared;
    load.bytes += static_cast<std::uint64_t>(e.bytes);
  }
  if (speed && load.messages.back().arrival_ns == 0 && source.events.back().at_ns > 0)
    throw input_error{"at this --speed the whole trace lasts less than a nanosecond; use --closed"};
  load.key_bytes = bytes_per_key(source);
  load.keys = std::move(source.keys);
  load.moved = source.moved;
  load.closed = !speed;
  return load;
}

} // namespace convoy::tool
