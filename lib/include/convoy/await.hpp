#pragma once

// What a handler that is a coroutine may await: a callback of any other API, and a time.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/detail/task/completing.hpp"
#include "convoy/task.hpp"
#include "convoy/time_span.hpp"

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace convoy {

/// What completes a callback(), or answers a message: called once, by any thread, with the value, or
/// with fail(). It returns soon: a worker goes on with the coroutine. Where that does not wait any more
/// it does nothing. Destroyed without a call it counts as fail(no_answer). Moved, not copied; lock-free.
template <class T = void>
class completion {
public:
  completion() noexcept = default; ///< of nothing: it does nothing
  completion(completion&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  completion& operator=(completion&& other) noexcept {
    if (this != &other) {
      drop();
      of_ = std::exchange(other.of_, nullptr);
    }
    return *this;
  }
  completion(const completion&) = delete;
  completion& operator=(const completion&) = delete;
  ~completion() { drop(); }

  /// What making a T throws completes it instead.
  template <class... Value>
  requires(std::is_void_v<T> ? sizeof...(Value) == 0 : sizeof...(Value) == 1) void
  operator()(Value&&... value) noexcept {
    if (of_ != nullptr)
      std::exchange(of_, nullptr)->complete(std::forward<Value>(value)...);
  }
  void fail(std::exception_ptr error) noexcept {
    if (of_ != nullptr)
      std::exchange(of_, nullptr)->fail(std::move(error));
  }

  /// Somebody waits for it, or did when it was made.
  [[nodiscard]] explicit operator bool() const noexcept { return of_ != nullptr; }

  /// For APIs of C: what they keep as a void*, until adopt() makes a completion of it again.
  [[nodiscard]] void* release() noexcept { return std::exchange(of_, nullptr); }
  [[nodiscard]] static completion adopt(void* released) noexcept {
    completion made;
    made.of_ = static_cast<detail::completing<T>*>(released);
    return made;
  }

private:
  template <class>
  friend class detail::completing_await;

  void drop() noexcept {
    if (of_ != nullptr)
      fail(detail::no_answer_error());
  }

  detail::completing<T>* of_ = nullptr;
};

/// Awaits what `start` has begun: it is called with a completion<T>, which it calls, or has called
/// later. What `start` throws is thrown. If the handler is stopped meanwhile, `cancelled` is thrown; what
/// was begun should look at context::stop_token(), and its completion does nothing any more.
///   const double price = co_await convoy::callback<double>([&](convoy::completion<double> done) { … });
/// GCC up to 12 destroys some temporaries of such an expression twice, what a lambda has captured by value
/// and members of aggregates among them: give them a name before. Throws std::bad_alloc.
template <class T = void, class Start>
[[nodiscard]] auto callback(Start&& start) {
  return detail::callback_begin<T, std::decay_t<Start>>(std::forward<Start>(start));
}

/// Awaits a time: at least so long. `cancelled` as above. Throws std::invalid_argument if it is
/// negative.
[[nodiscard]] inline auto sleep(time_span span) {
  return detail::sleep_begin(
      detail::later(detail::clock::now(), detail::not_negative("convoy::sleep: the time", span)));
}

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
