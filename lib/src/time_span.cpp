#include "convoy/time_span.hpp"

#include <stdexcept>
#include <string>

namespace convoy::detail {

std::string to_text(std::chrono::nanoseconds span) {
  if (span == std::chrono::nanoseconds::min())
    return "NaN";
  if (span == std::chrono::nanoseconds::max())
    return "for ever";
  const auto count = span.count();
  if (count % 1'000'000'000 == 0)
    return std::to_string(count / 1'000'000'000) + "s";
  if (count % 1'000'000 == 0)
    return std::to_string(count / 1'000'000) + "ms";
  if (count % 1'000 == 0)
    return std::to_string(count / 1'000) + "us";
  return std::to_string(count) + "ns";
}

void refuse(const std::string& what, const std::string& must, const std::string& value) {
  throw std::invalid_argument(what + " must be " + must + ", and is " + value);
}

std::chrono::nanoseconds not_negative(const char* what, time_span span) {
  if (span.count() < 0)
    refuse(what, "0 or more", to_text(span));
  return span;
}
void more_than_zero(const char* what, time_span span) {
  if (span.count() <= 0)
    refuse(what, "more than 0", to_text(span));
}

} // namespace convoy::detail
