#pragma once

// What a worker notes while a processor is recorded.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/recording.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace convoy::detail {

/// One thread at a time.
class recorder {
public:
  /// While `left` of all recorders is not used up.
  recorder(clock::time_point begin, unsigned worker, atomic<std::size_t>& left) noexcept
      : begin_(begin), worker_(worker), left_(left) {}

  /// The worker ran so many messages of the key; none: the handler has failed.
  void add_run(std::uint64_t hash, const std::string& label, clock::time_point begun,
               clock::time_point ended, std::uint32_t messages, unsigned attempt) noexcept;
  void add_hold(std::uint64_t hash, const std::string& label, clock::time_point begun,
                clock::time_point ended, hold_reason why, unsigned attempts) noexcept;

  /// Adds what there is to that of others. Throws std::bad_alloc.
  void add_to(recording& all, std::unordered_map<std::uint64_t, std::uint32_t>& index) const;

private:
  [[nodiscard]] std::int64_t at(clock::time_point when) const noexcept;
  [[nodiscard]] std::uint32_t label_of(std::uint64_t hash, const std::string& label);
  /// Else it is only counted.
  [[nodiscard]] bool has_room() noexcept {
    auto left = left_.load(std::memory_order_relaxed); // only counted
    while (left != 0)
      if (left_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) // likewise
        return true;
    ++of_it_.dropped;
    return false;
  }

  const clock::time_point begin_;
  const unsigned worker_;
  atomic<std::size_t>& left_;
  recording of_it_; // labels, slices, holds, dropped
  std::unordered_map<std::uint64_t, std::uint32_t> index_;
};

} // namespace convoy::detail
