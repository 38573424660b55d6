#pragma once

// What the benchmarks submit, and under which keys.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <type_traits>

namespace bench {

/// Sixteen bytes that every message begins with.
struct message_head {
  std::uint64_t number = 0;   ///< of its key and producer: 1, 2, 3, …; 0 marks a gate
  std::uint32_t key = 0;      ///< as an index, whatever the key's type
  std::uint32_t producer = 0; ///< who submitted it
};

template <std::size_t Bytes>
struct message : message_head {
  std::byte rest[Bytes - sizeof(message_head)]{};
};
template <>
struct message<sizeof(message_head)> : message_head {};

static_assert(sizeof(message<16>) == 16 && sizeof(message<64>) == 64 &&
              sizeof(message<256>) == 256);

/// The key with this index. Text comes in two lengths: one that std::string holds in place and one
/// that it allocates.
template <class Key>
Key key_of(std::uint32_t index, bool long_text) {
  if constexpr (std::is_integral_v<Key>) {
    return index;
  } else {
    char text[32];
    std::snprintf(text, sizeof text, long_text ? "customer-2024-%010u" : "key-%08u", index);
    return text;
  }
}

} // namespace bench
