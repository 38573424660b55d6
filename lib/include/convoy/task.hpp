#pragma once

// Handlers that wait without a worker: coroutines, and what they may await.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/task/promise.hpp"
#include "convoy/time_span.hpp"

#include <coroutine>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace convoy {

/// What a handler returns that is a coroutine, or a coroutine that a handler awaits.
///
///   convoy::processor<int, order> orders{rt, [](context& c, order& o) -> convoy::task {
///     auto price = co_await convoy::callback<double>(start);  …
///   }};
///
/// While it awaits something its key is held, and no worker is: other keys do not notice. It goes on on
/// a worker, whoever completes what it awaits. Its key, message, context and State stay where they are
/// until it has ended.
///
/// task, which is task_of<void>, returns nothing; task_of<outcome> an outcome. What else is returned is
/// the answer of a message that has been asked, see processor::ask(). All else is as for other
/// handlers: outcomes and exceptions, retries, which start it anew, deadlines of beginning, dead
/// letters. A handler that is a coroutine takes one message.
///
/// It begins when it is awaited, or called by a worker. Neither copied nor assigned.
template <class T>
class [[nodiscard]] task_of {
public:
  using value_type = T;
  using promise_type = detail::promise<T>;

  task_of(task_of&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  task_of(const task_of&) = delete;
  task_of& operator=(const task_of&) = delete;
  ~task_of() {
    if (of_)
      of_.destroy();
  }

private:
  using handle = std::coroutine_handle<promise_type>;

  friend promise_type;
  friend struct detail::task_access;

  explicit task_of(handle of) noexcept : of_(of) {}

  handle of_;
};
using task = task_of<void>;

inline task detail::promise<void>::get_return_object() noexcept {
  return task(std::coroutine_handle<promise>::from_promise(*this));
}

/// Thrown by what a coroutine awaits when it is stopped: its limit has passed, or the deadline of
/// shutdown(). What it awaits afterwards throws it at once. Not caught, its message has failed; at the
/// end it is a dead letter, `shutdown`.
class cancelled : public std::exception {
public:
  [[nodiscard]] const char* what() const noexcept override {
    return "convoy: what a handler awaits was cancelled, as it is to stop";
  }
};

/// Thrown where nobody will complete what a coroutine awaits: the completion is gone, or the message
/// that was asked was not answered.
class no_answer : public std::exception {
public:
  [[nodiscard]] const char* what() const noexcept override {
    return "convoy: nobody will complete what a handler awaits: its completion was destroyed, as a "
           "message is that has no answer";
  }
};

/// Thrown by an ask of the handler's own key, or of one that waits for it: directly, or by asking keys
/// that do.
class would_deadlock : public std::logic_error {
public:
  explicit would_deadlock(std::vector<std::string> keys);

  /// The one that asks first and last, and between them those that wait for each other.
  [[nodiscard]] const std::vector<std::string>& keys() const noexcept { return *keys_; }

private:
  std::shared_ptr<const std::vector<std::string>> keys_;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
