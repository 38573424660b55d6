#pragma once

// What to read of a topic or a stream, and how far the reading is.

#include "broker/url.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace convoy::tool {

struct broker_request {
  broker_url url;
  std::vector<std::pair<std::string, std::string>> settings; ///< names and values, in order
  std::optional<std::uint64_t> last;      ///< so many offsets of each partition, or of the stream
  std::optional<std::int64_t> from_ns;    ///< the first record that is not older, after 1970
  std::optional<std::uint32_t> key_token; ///< of the subject, from 1
  std::optional<std::string> key_header;
  std::uint64_t skip_bad = 0; ///< so many records without such a key may be left out
  std::chrono::milliseconds patience{10'000}; ///< without an answer, or a record
};

/// Written by the thread that reads, shown by another. Their order does not matter.
struct broker_progress {
  broker_progress() = default;
  explicit broker_progress(std::function<void(std::uint64_t)> on_count)
      : begins_{std::move(on_count)} {}

  /// So many may be read; called once, before the first.
  void begin(std::uint64_t records) {
    all = records;
    if (begins_)
      begins_(records);
  }

  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint64_t> all{0}; ///< 0: not known yet

private:
  std::function<void(std::uint64_t)> begins_;
};

} // namespace convoy::tool
