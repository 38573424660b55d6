#include "flying_record.hpp"

namespace convoy::kafka {

const detail::flying_record& record::its() const noexcept {
  return *static_cast<const detail::flying_record*>(flight_.get());
}

std::string_view record::topic() const noexcept {
  return its().topic;
}
std::int32_t record::partition() const noexcept {
  return its().partition;
}
std::int64_t record::offset() const noexcept {
  return static_cast<std::int64_t>(its().position);
}
std::optional<std::chrono::sys_time<std::chrono::milliseconds>> record::timestamp() const noexcept {
  if (its().timestamp_ms < 0)
    return std::nullopt;
  return std::chrono::sys_time<std::chrono::milliseconds>(
      std::chrono::milliseconds(its().timestamp_ms));
}
std::optional<std::string_view> record::key() const noexcept {
  return its().record_key;
}
std::optional<std::string_view> record::value() const noexcept {
  return its().value;
}
std::span<const kafka::header> record::headers() const noexcept {
  return its().headers;
}
std::optional<std::string_view> record::header_value(std::string_view name) const noexcept {
  return convoy::detail::value_of(headers(), name);
}

namespace detail {

void flying_record::assign(std::string_view its_topic, std::int32_t its_partition,
                           const read_record& from, null_key without_key) {
  using convoy::detail::size_of;
  const std::size_t besides_key = size_of(from.value) + size_of(from.headers);
  memory_.make_room(besides_key);
  topic = its_topic;
  partition = its_partition;
  timestamp_ms = from.timestamp_ms;
  bytes = size_of(from.key) + besides_key + convoy::detail::place_of(from.headers);
  value = memory_.keep(from.value);
  convoy::detail::keep_headers(from.headers, headers, memory_);
  using convoy::detail::lane_without_key;
  convoy::detail::set_lane(*this, from.key, home->name(),
                           without_key == null_key::unordered ? lane_without_key::own
                                                              : lane_without_key::shared);
  record_key = from.key ? std::optional<std::string_view>(key) : std::nullopt;
}

void deliver(convoy::detail::intake& books, convoy::detail::assignment& home,
             std::string_view topic, std::int32_t partition, const read_record& from,
             null_key without_key, convoy::detail::clock::time_point read_at,
             convoy::detail::record_lanes<record>& lanes) {
  convoy::detail::hand_on<flying_record>(
      books, home, static_cast<std::uint64_t>(from.offset), read_at, lanes,
      [&](flying_record& its) { its.assign(topic, partition, from, without_key); });
}

} // namespace detail
} // namespace convoy::kafka
