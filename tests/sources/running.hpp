#pragma once

// For tests of readers of brokers: a consumer that runs on a thread of its own, and what its handlers have seen.

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/source.hpp>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace convoy::test {

inline bool is_true_within(std::chrono::minutes most, const std::function<bool()>& is_true) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (std::chrono::steady_clock::now() < end) {
    if (is_true())
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return is_true(); // once more: this thread may have slept meanwhile
}

/// Waits for it; false: it does not come. Only a test that fails waits so long: a machine that is busy with other things may
/// be ten times as slow as one that is not.
inline bool eventually(const std::function<bool()>& is_true) {
  return is_true_within(std::chrono::minutes(2), is_true);
}

/// In a handler: waits until the test says so, longer than the test waits for anything.
inline void hold_until(const std::function<bool()>& is_true) {
  (void)is_true_within(std::chrono::minutes(5), is_true);
}

/// run() on a thread of its own.
template <class Consumer>
class running {
public:
  template <class Handler>
  running(runtime& where, Handler handler, typename Consumer::options options)
      : its_(where, std::move(handler), std::move(options)), thread_([this] {
          try {
            account_ = its_.run();
          } catch (...) {
            error_ = std::current_exception();
          }
          ended_ = true;
        }) {}
  running(const running&) = delete;
  running& operator=(const running&) = delete;
  ~running() {
    its_.stop();
    if (thread_.joinable())
      thread_.join();
  }

  Consumer* operator->() noexcept { return &its_; }
  [[nodiscard]] bool has_ended() const noexcept { return ended_; }
  /// The first of positions(), or an empty one: they are told a moment after what is read is handled.
  [[nodiscard]] source_position position() const {
    const auto all = its_.positions();
    return all.empty() ? source_position{} : all.front();
  }

  /// Rethrows what run() has thrown.
  source_account stop() {
    its_.stop();
    return wait();
  }
  source_account wait() {
    thread_.join();
    if (error_)
      std::rethrow_exception(std::exchange(error_, nullptr));
    return account_;
  }

private:
  Consumer its_;
  source_account account_;
  std::exception_ptr error_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/// What handlers have seen, by key, in their order.
class seen {
public:
  void add(const std::string& key, std::string_view value) {
    const std::lock_guard lock(lock_);
    values_[key].emplace_back(value);
    ++count_;
  }
  [[nodiscard]] std::size_t count() const {
    const std::lock_guard lock(lock_);
    return count_;
  }
  [[nodiscard]] std::map<std::string, std::vector<std::string>> values() const {
    const std::lock_guard lock(lock_);
    return values_;
  }

private:
  mutable std::mutex lock_;
  std::map<std::string, std::vector<std::string>> values_;
  std::size_t count_ = 0;
};

/// What a consumer has reported.
class reports {
public:
  [[nodiscard]] std::function<void(std::string_view)> sink() {
    return [this](std::string_view what) {
      const std::lock_guard lock(lock_);
      all_.emplace_back(what);
    };
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock(lock_);
    return all_;
  }
  [[nodiscard]] std::string text() const {
    std::string lines;
    for (const auto& each : all())
      lines += each + "\n";
    return lines;
  }

private:
  mutable std::mutex lock_;
  std::vector<std::string> all_;
};

} // namespace convoy::test
