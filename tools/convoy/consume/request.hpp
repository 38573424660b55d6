#pragma once

#include "broker/url.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace convoy::tool {

/// What `convoy consume` is asked for.
struct consume_request {
  broker_url url; ///< its name is one, or of Kafka's topics several with commas
  std::vector<std::string> names;
  std::vector<std::pair<std::string, std::string>> settings;
  std::chrono::milliseconds patience{10'000};
  std::string group;                      ///< of NATS the reader's name
  std::optional<std::uint32_t> key_token; ///< of NATS: of the subject, from 1; else the whole
  std::optional<std::string> key_header;
  std::vector<std::string> command; ///< the program and its arguments
  unsigned workers = 1;
  unsigned attempts = 5;
  std::chrono::nanoseconds backoff{std::chrono::seconds{1}};
  std::optional<std::chrono::nanoseconds> timeout;
  std::string dead_letter_topic; ///< of NATS a subject
  std::size_t in_flight = 10'000;
  std::chrono::nanoseconds commit_every{std::chrono::seconds{1}};
  std::chrono::nanoseconds finish{std::chrono::seconds{10}};
  std::chrono::nanoseconds blocked_after{std::chrono::seconds{600}};
  bool until_end = false;
  std::string socket; ///< empty: none
  bool shows_progress = false;
};

} // namespace convoy::tool
