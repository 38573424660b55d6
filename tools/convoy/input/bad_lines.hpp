#pragma once

// Lines that cannot be read: the end of it, or left out and counted.

#include "input/line_source.hpp"
#include "input/trace.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace convoy::tool {

class bad_lines {
public:
  static constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();

  /// At most `allowed` lines are left out of all files; they are counted in `into`.
  bad_lines(std::uint64_t allowed, left_out& into) : allowed_{allowed}, into_{into} {}

  /// What the lines that follow are of.
  void begin_file(const std::string& name) {
    file_ = name;
    before_ = into_.bad_lines;
  }

  /// How many lines of this file were left out.
  [[nodiscard]] std::uint64_t of_this_file() const noexcept { return into_.bad_lines - before_; }

  /// Calls read(), which reads one event and tells whether there was one, until it throws no
  /// input_error, and returns what it tells. Throws what read() throws if that is no error of a
  /// line, or one more than is allowed.
  template <class Read>
  bool next_event(const line_source& lines, Read read) {
    for (;;) {
      try {
        return read();
      } catch (const unreadable&) {
        throw;
      } catch (const input_error& error) {
        leave_out(lines.number(), error);
      }
    }
  }

  /// Leaves out events that were read already, as the lines that follow tell more. False where so
  /// many are not allowed.
  bool leave_out_earlier(std::uint64_t events);

private:
  void leave_out(std::size_t line, const input_error& error);

  std::uint64_t allowed_;
  left_out& into_;
  std::string file_;
  std::uint64_t before_ = 0;
};

} // namespace convoy::tool
