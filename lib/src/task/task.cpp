#include "convoy/task.hpp"

#include "convoy/detail/task/completing.hpp"

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace convoy {
namespace {

std::string cycle(const std::vector<std::string>& keys) {
  std::string text = "convoy: an ask that would wait for itself: ";
  for (const auto& key : keys)
    text += (&key == &keys.front() ? "" : " -> ") + key;
  return text;
}

} // namespace

would_deadlock::would_deadlock(std::vector<std::string> keys)
    : logic_error(cycle(keys)),
      keys_(std::make_shared<const std::vector<std::string>>(std::move(keys))) {}

namespace detail {

std::exception_ptr no_answer_error() noexcept {
  return std::make_exception_ptr(no_answer());
}

} // namespace detail
} // namespace convoy
