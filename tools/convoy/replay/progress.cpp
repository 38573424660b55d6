#include "replay/progress.hpp"

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <unistd.h>
#include <utility>

namespace convoy::tool {
namespace {

constexpr std::string_view clear_line = "\r\x1b[K";

std::string repeated(std::string_view cell, std::size_t n) {
  std::string text;
  while (n-- > 0)
    text += cell;
  return text;
}

void put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

} // namespace

std::atomic<bool> progress_bar::drawn_{false};
static_assert(std::atomic<bool>::is_always_lock_free); // or a signal handler could not look at it

progress_bar::progress_bar(std::string_view label, std::function<double()> done, bool shown)
    : label_{label}, done_{std::move(done)} {
  if (!shown)
    return;
  thread_ = std::jthread{[this](const std::stop_token& stop) {
    constexpr std::chrono::milliseconds period{100};
    std::unique_lock lock{mutex_};
    while (!stop.stop_requested()) {
      draw();
      stopped_.wait_for(lock, stop, period, [] { return false; });
    }
    put(std::string{clear_line});
    drawn_.store(false, std::memory_order_relaxed);
  }};
}

void progress_bar::clear_from_signal_handler() noexcept {
  if (drawn_.load(std::memory_order_relaxed)) [[maybe_unused]]
    const ssize_t written = write(STDERR_FILENO, clear_line.data(), clear_line.size());
}

void progress_bar::draw() const {
  constexpr std::size_t width = 40;
  drawn_.store(true, std::memory_order_relaxed);
  const double share = done_();
  const auto filled = static_cast<std::size_t>(share * width);
  char percent[8];
  std::snprintf(percent, sizeof percent, " %3.0f %%", share * 100);
  put(std::string{clear_line} + label_ +
      std::string(label_.size() < 10 ? 10 - label_.size() : 1, ' ') + repeated("█", filled) +
      repeated("░", width - filled) + percent);
}

} // namespace convoy::tool
