#pragma once

#include <chrono>
#include <convoy/detail/source/assignment.hpp>
#include <convoy/detail/source/guarded.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace convoy::nats {

/// Of a record; a name may come more than once.
struct header {
  std::string_view name, value;
};

namespace detail {
class flying_record;
} // namespace detail

/// A message of a stream. What it gives are views of its own memory, valid while it lives.
///
/// In a handler it is finished when the handler has succeeded. A handler may move it away, to finish
/// it later, on any thread: by done(). One that is destroyed without is not finished; it holds up the
/// watermark, and is read again by the next run().
class record {
public:
  [[nodiscard]] std::string_view stream() const noexcept;
  [[nodiscard]] std::uint64_t sequence() const noexcept; ///< in the stream; the first is 1
  [[nodiscard]] std::chrono::sys_time<std::chrono::nanoseconds>
  timestamp() const noexcept; ///< when the stream took it in
  [[nodiscard]] std::string_view subject() const noexcept;
  [[nodiscard]] std::optional<std::string_view> key() const noexcept; ///< nothing: it has none
  [[nodiscard]] std::string_view value() const noexcept;
  [[nodiscard]] std::span<const nats::header> headers() const noexcept;
  /// The first of that name.
  [[nodiscard]] std::optional<std::string_view> header_value(std::string_view name) const noexcept;

  /// It is finished, if it was moved away from its handler. Once.
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
} // namespace convoy::nats
