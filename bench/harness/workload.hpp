#pragma once

// The streams of messages, made beforehand so that only submitting and handling them is timed.

#include "harness/message.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Which key a message has: by a Zipf distribution over `keys`, p(i) ~ 1 / i^theta; theta 0 is
/// uniform.
struct distribution {
  std::uint32_t keys = 1;
  double theta = 0;

  bool operator==(const distribution&) const = default;
  [[nodiscard]] std::string name() const;
};

inline constexpr distribution one_key{1, 0};
inline constexpr distribution uniform_1000{1'000, 0};
inline constexpr distribution uniform_1000000{1'000'000, 0};
inline constexpr distribution zipf_10000{10'000, 0.99};
inline constexpr distribution zipf_1000{1'000, 1.2};

/// What a stream is made from.
struct load {
  distribution keys = one_key;
  unsigned producers = 1;
  std::chrono::nanoseconds cost{0}; ///< of a handler
  std::uint64_t messages = 0;       ///< 0: as many as usual, fewer if handlers are slow
  bool long_text = false;

  bool operator==(const load&) const = default;
};

/// The load as this run does it: CONVOY_BENCH_MESSAGES (a million, or a few for a smoke run)
/// replaces what is 0 and bounds the keys.
load sized(load wanted);

/// Indices of keys, drawn with a fixed seed.
std::vector<std::uint32_t> draw_keys(const distribution& from, std::uint64_t count);

template <class Key, class Message>
using stream = std::vector<std::pair<Key, Message>>;

/// A stream for each producer, numbered for the oracle.
template <class Key, class Message>
std::vector<stream<Key, Message>> make_streams(const load& l) {
  const auto drawn = draw_keys(l.keys, l.messages);
  std::vector<std::uint64_t> number(std::size_t{l.keys.keys} * l.producers);
  std::vector<stream<Key, Message>> all(l.producers);
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const auto producer = static_cast<std::uint32_t>(i % l.producers);
    Message m{};
    m.key = drawn[i];
    m.producer = producer;
    m.number = ++number[std::size_t{m.key} * l.producers + producer];
    all[producer].emplace_back(key_of<Key>(m.key, l.long_text), m);
  }
  return all;
}

} // namespace bench
