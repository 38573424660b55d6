#include "broker/records.hpp"

#include "input/trace_builder.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace convoy::tool {

record_collector::record_collector(std::string source, std::size_t partitions,
                                   std::uint64_t may_skip)
    : source_{std::move(source)}, may_skip_{may_skip}, partitions_(partitions) {}

void record_collector::add(std::size_t partition, const broker_record& record) {
  if (size_ == std::numeric_limits<std::uint32_t>::max())
    throw input_error{"there are more than 4294967295 records; read fewer with --last or --from"};
  partitions_[partition].push_back(
      {.at_ns = record.at_ns.value_or(-1), .bytes = record.bytes, .key = index_of(record.key)});
  ++size_;
}

void record_collector::leave_out(const std::string& place, const std::string& reason) {
  constexpr std::size_t most_kept = 5; // of the reasons
  const std::string text = place + ": " + reason;
  if (may_skip_ == 0)
    throw input_error{text + "; --skip-bad leaves such records out"};
  if (not_read_.bad_lines == may_skip_)
    throw input_error{text + "; --skip-bad allows " + std::to_string(may_skip_) +
                      ", and as many were left out before"};
  ++not_read_.bad_lines;
  if (not_read_.first_bad.size() < most_kept)
    not_read_.first_bad.push_back(source_ + ", " + text);
}

void record_collector::note(const std::string& sentence) {
  not_read_.notes.push_back(source_ + ": " + sentence);
}

std::uint32_t record_collector::index_of(std::string_view key) {
  const auto known = keys_.find(key);
  if (known != keys_.end())
    return known->second;
  const auto index = static_cast<std::uint32_t>(keys_.size());
  keys_.emplace(key, index);
  return index;
}

trace record_collector::finish() && {
  if (size_ == 0 && not_read_.bad_lines > 0)
    throw input_error{"none of its records can be read: --skip-bad would leave out all " +
                      std::to_string(not_read_.bad_lines) + "; first " +
                      not_read_.first_bad.front()};
  std::vector<std::string_view> names(keys_.size());
  for (const auto& [name, index] : keys_)
    names[index] = name;
  trace_builder events;
  std::size_t moved = 0;
  for (std::vector<slim_record>& partition : partitions_) {
    std::int64_t latest = -1;
    for (const slim_record& record : partition) {
      events.add({.key = names[record.key],
                  .may_be_empty = true,
                  .at_ns = record.at_ns < 0 ? std::nullopt : std::optional{record.at_ns},
                  .service_ns = {},
                  .bytes = record.bytes});
      moved += record.at_ns < latest ? 1 : 0;
      latest = std::max(latest, record.at_ns);
    }
    partition = {}; // gives its memory back
  }
  trace made = std::move(events).finish();
  made.moved = moved;
  made.not_read = std::move(not_read_);
  return made;
}

} // namespace convoy::tool
