#include "input/bad_lines.hpp"

namespace convoy::tool {
namespace {

constexpr std::size_t most_kept = 5; ///< of the reasons

} // namespace

void bad_lines::leave_out(std::size_t line, const input_error& error) {
  const std::string reason = error.what();
  if (allowed_ == 0)
    throw input_error(reason);
  if (into_.bad_lines == allowed_)
    throw input_error(reason + "; --skip-bad allows " + std::to_string(allowed_) +
                      ", and as many were left out before");
  ++into_.bad_lines;
  if (into_.first_bad.size() < most_kept)
    into_.first_bad.push_back(file_ + ":" + std::to_string(line) + ": " + reason);
}

bool bad_lines::leave_out_earlier(std::uint64_t events) {
  if (events > allowed_ - into_.bad_lines)
    return false;
  into_.bad_lines += events;
  if (into_.first_bad.size() < most_kept)
    into_.first_bad.push_back(file_ +
                              ": the first events have no time or no service time, unlike "
                              "those after them: " +
                              std::to_string(events));
  return true;
}

} // namespace convoy::tool
