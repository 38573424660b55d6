#pragma once

// Where a message that JetStream delivers has its place.

#include <cstdint>
#include <optional>
#include <string_view>

namespace convoy::nats::detail {

struct place {
  std::uint64_t sequence = 0;    ///< in the stream
  std::uint64_t delivery = 0;    ///< of its consumer; the first is 1
  std::int64_t timestamp_ns = 0; ///< when the stream took it in
  std::uint64_t pending = 0;     ///< messages that come after it

  bool operator==(const place&) const = default;
};

/// From the subject that it could be acknowledged at:
///
///   $JS.ACK.STREAM.CONSUMER.DELIVERIES.SEQUENCE.DELIVERY.TIME.PENDING
///   $JS.ACK.DOMAIN.ACCOUNT.STREAM.CONSUMER.DELIVERIES.SEQUENCE.DELIVERY.TIME.PENDING[.MORE…]
///
/// Nothing for any other text.
[[nodiscard]] std::optional<place> place_from(std::string_view reply) noexcept;

} // namespace convoy::nats::detail
