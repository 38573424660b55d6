#pragma once

// What the partitions of one processor share, and nothing that changes per message.

#include "convoy/detail/event_count.hpp"
#include "convoy/detail/failures.hpp"
#include "convoy/detail/scheduler.hpp"

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>

namespace convoy::detail {

/// Complains on stderr about what a handler let out; the default of on_error.
void report_to_stderr(std::exception_ptr error) noexcept;

/// Hashing integers again is cheaper than carrying a hash along.
template <class Key, class Hash>
inline constexpr bool hash_is_stored =
    !(std::is_same_v<Hash, std::hash<Key>> && std::is_scalar_v<Key>);

/// std::equal_to accepts any key and fails inside.
template <class Equal, class Key>
concept equality = std::is_invocable_r_v<bool, const Equal&, const Key&, const Key&> &&
    (!std::is_same_v<Equal, std::equal_to<Key>> || requires(const Key& key) {
      { key == key } -> std::convertible_to<bool>;
    });

/// std::hash of an integer is the integer: spread it, the upper bits choose the partition, the
/// lower ones the bucket.
inline std::uint64_t spread(std::uint64_t hash) noexcept {
  hash *= 0x9E3779B97F4A7C15; // Fibonacci hashing, Knuth 6.4
  return hash ^ (hash >> 32);
}

template <class Key, class Message, class State>
struct lane;
template <class Key, class Message, class State, class Hash, class Equal>
class partition;

template <class Key, class Message, class State, class Hash, class Equal>
struct core {
  using partition_type = partition<Key, Message, State, Hash, Equal>;
  using lane_type = lane<Key, Message, State>;

  detail::scheduler& scheduler;
  std::size_t capacity;
  std::size_t key_capacity;
  std::uint32_t quantum_messages;
  std::chrono::nanoseconds quantum_time;
  std::uint32_t batch_limit;
  std::function<void(const Key&, std::exception_ptr)> on_error;
  Hash hash_of;
  Equal equal;

  /// Runs a lane for one quantum; knows the handler's type.
  void (*run_lane)(core&, partition_type&, lane_type&, pump&) noexcept = nullptr;
  std::shared_ptr<void> handler = nullptr;

  /// Runs messages straight from a partition's ring; null for handlers that want them in spans.
  /// False: another pump has taken the partition over.
  bool (*run_inline)(core&, partition_type&, pump&) noexcept = nullptr;

  /// Null: what a handler throws is reported, and that is all.
  std::unique_ptr<detail::failures<Key, Message>> failures = nullptr;
  std::atomic<bool> ending{false}; ///< the processor is about to be destroyed

  event_count room{};    // credit was added somewhere
  event_count drained{}; // a partition finished what a drain() waits for

  [[nodiscard]] std::uint64_t hash(const Key& key) const {
    return spread(static_cast<std::uint64_t>(hash_of(key)));
  }

  void report(const Key& key, std::exception_ptr error) noexcept {
    if (on_error) {
      try {
        return on_error(key, error);
      } catch (
          ...) { // the callback's own exception goes where the default goes, after the handler's
        report_to_stderr(error);
        error = std::current_exception();
      }
    }
    report_to_stderr(error);
  }
};

} // namespace convoy::detail
