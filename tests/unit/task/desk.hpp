#pragma once

#include "gate.hpp"

#include <convoy/convoy.hpp>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

/// What handlers wait for, until a test completes it.
template <class T>
class desk_of {
public:
  void take(convoy::completion<T> done) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(done));
  }
  [[nodiscard]] std::size_t size() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  /// Waits until there are so many, and takes them, in their order.
  [[nodiscard]] std::vector<convoy::completion<T>> await(std::size_t count) {
    EXPECT_TRUE(eventually([&] { return size() >= count; })) << size() << " have come";
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }
  [[nodiscard]] convoy::completion<T> await_one() { return std::move(await(1).at(0)); }

private:
  std::mutex mutex_;
  std::vector<convoy::completion<T>> waiting_;
};
using desk = desk_of<int>;

/// Begun by a handler.
[[nodiscard]] inline auto wait_at(desk& where) {
  return convoy::callback<int>(
      [&where](convoy::completion<int> done) { where.take(std::move(done)); });
}

using numbers = convoy::processor<int, int>;
using waiting_handler = std::function<convoy::task(numbers::context&, int&)>;

/// Whatever its handler is, of one type: each costs seconds of the compiler's.
struct numbers_that_wait : numbers {
  numbers_that_wait(convoy::runtime& rt, waiting_handler handles, options wanted = {})
      : numbers(rt, std::move(handles), std::move(wanted)) {}
};

[[nodiscard]] inline bool is_suspended(numbers& p, int key) {
  return eventually([&] { return p.explain(key).state == convoy::key_state::suspended; });
}
