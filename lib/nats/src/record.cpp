#include "flying_record.hpp"

#include <stdexcept>
#include <string>

namespace convoy::nats {

key_rule token(std::size_t which) {
  if (which == 0)
    throw std::invalid_argument("convoy::nats: token(0): the first token of a subject is 1");
  key_rule made;
  made.token_ = which;
  return made;
}

key_rule header_key(std::string name) {
  if (name.empty())
    throw std::invalid_argument("convoy::nats: header_key(): the header's name is empty");
  key_rule made;
  made.header_ = std::move(name);
  return made;
}

const detail::flying_record& record::its() const noexcept {
  return *static_cast<const detail::flying_record*>(flight_.get());
}

std::string_view record::stream() const noexcept {
  return its().stream;
}
std::uint64_t record::sequence() const noexcept {
  return its().position;
}
std::chrono::sys_time<std::chrono::nanoseconds> record::timestamp() const noexcept {
  return std::chrono::sys_time<std::chrono::nanoseconds>(
      std::chrono::nanoseconds(its().timestamp_ns));
}
std::string_view record::subject() const noexcept {
  return its().subject;
}
std::optional<std::string_view> record::key() const noexcept {
  return its().record_key;
}
std::string_view record::value() const noexcept {
  return its().value;
}
std::span<const nats::header> record::headers() const noexcept {
  return its().headers;
}
std::optional<std::string_view> record::header_value(std::string_view name) const noexcept {
  return convoy::detail::value_of(headers(), name);
}

namespace detail {

namespace {

std::optional<std::string_view> token_of(std::string_view subject, std::size_t which) noexcept {
  for (; which > 1; --which) {
    const auto dot = subject.find('.');
    if (dot == std::string_view::npos)
      return std::nullopt;
    subject.remove_prefix(dot + 1);
  }
  return subject.substr(0, subject.find('.'));
}

} // namespace

void flying_record::assign(const reader_options& options, const read_record& from) {
  using convoy::detail::size_of;
  const std::size_t all = from.subject.size() + from.value.size() + size_of(from.headers);
  memory_.make_room(all);
  bytes = all + convoy::detail::place_of(from.headers);
  stream = options.stream;
  timestamp_ns = from.timestamp_ns;
  subject = memory_.keep(from.subject);
  value = memory_.keep(from.value);
  convoy::detail::keep_headers(from.headers, headers, memory_);
  record_key = key_of(options.key, subject, headers);
  using convoy::detail::lane_without_key;
  convoy::detail::set_lane(*this, record_key, stream,
                           options.null_key == null_key::unordered ? lane_without_key::own
                                                                   : lane_without_key::shared);
}

std::optional<std::string_view> key_of(const key_rule& rule, std::string_view subject,
                                       std::span<const nats::header> headers) {
  if (rule.token() != 0)
    return token_of(subject, rule.token());
  if (rule.header().empty())
    return subject;
  return convoy::detail::value_of(headers, rule.header());
}

void deliver(convoy::detail::intake& books, convoy::detail::assignment& home,
             const reader_options& options, const read_record& from,
             convoy::detail::clock::time_point read_at,
             convoy::detail::record_lanes<record>& lanes) {
  convoy::detail::hand_on<flying_record>(books, home, from.sequence, read_at, lanes,
                                         [&](flying_record& its) { its.assign(options, from); });
}

} // namespace detail
} // namespace convoy::nats
