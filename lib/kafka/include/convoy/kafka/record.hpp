#pragma once

#include <chrono>
#include <convoy/detail/source/assignment.hpp>
#include <convoy/detail/source/guarded.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy::kafka {

/// Of a record; Kafka allows a name to come more than once.
struct header {
  std::string_view name;
  std::optional<std::string_view> value; ///< nothing: it is null
};

namespace detail {
class flying_record;
} // namespace detail

/// A record of a topic. What it gives are views of its own memory, valid while it lives.
///
/// In a handler it is finished when the handler has succeeded. A handler may move it away, to finish
/// it later, on any thread: by done(). One that is destroyed without is not finished; it holds up its
/// partition's watermark, and is read again after the next assignment.
class record {
public:
  [[nodiscard]] std::string_view topic() const noexcept;
  [[nodiscard]] std::int32_t partition() const noexcept;
  [[nodiscard]] std::int64_t offset() const noexcept;
  /// By the producer or the broker, as the topic is set; nothing: it has none.
  [[nodiscard]] std::optional<std::chrono::sys_time<std::chrono::milliseconds>>
  timestamp() const noexcept;
  [[nodiscard]] std::optional<std::string_view> key() const noexcept;   ///< nothing: it is null
  [[nodiscard]] std::optional<std::string_view> value() const noexcept; ///< nothing: a tombstone
  [[nodiscard]] std::span<const kafka::header> headers() const noexcept;
  /// The first of that name, if its value is not null.
  [[nodiscard]] std::optional<std::string_view> header_value(std::string_view name) const noexcept;

  /// For one that was moved away from its handler: it is finished when it is destroyed. Once.
  void done() noexcept { flight_.get()->finished = true; }

private:
  friend struct convoy::detail::record_access<record>;
  template <class, class>
  friend class convoy::detail::guarded;

  explicit record(convoy::detail::delivery_holder flight) noexcept : flight_(std::move(flight)) {}
  [[nodiscard]] convoy::detail::delivery_holder& flight() noexcept { return flight_; }
  [[nodiscard]] const detail::flying_record& its() const noexcept;

  convoy::detail::delivery_holder flight_;
};

namespace detail {
using record_access = convoy::detail::record_access<record>;
} // namespace detail
} // namespace convoy::kafka
