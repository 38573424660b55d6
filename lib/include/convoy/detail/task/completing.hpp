#pragma once

// What a coroutine and its completer share, and the awaitables that use it.

#include "convoy/detail/ds/one_shot.hpp"
#include "convoy/detail/lane/suspension.hpp"
#include "convoy/detail/sched/blocks.hpp"
#include "convoy/detail/task/ask_graph.hpp"
#include "convoy/task.hpp"

#include <coroutine>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <variant>

namespace convoy {

template <class T>
class completion;

namespace detail {

[[nodiscard]] std::exception_ptr no_answer_error() noexcept;

template <class T>
struct asking;

/// Freed by who comes last: the completer, or the coroutine as it leaves.
template <class T>
class completing {
  struct nothing {};
  using value_type = std::conditional_t<std::is_void_v<T>, nothing, T>;
  static_assert(std::is_same_v<T, std::decay_t<T>>,
                "convoy: what completes a coroutine is a value: no reference, nothing const");
  static_assert(alignof(value_type) <= alignof(std::max_align_t),
                "convoy: what completes a coroutine may not be over-aligned");

public:
  [[nodiscard]] static completing* make() {
    return ::new (take_block(sizeof(completing))) completing(false);
  }
  void destroy() noexcept;

  // ---- the completer ----

  template <class... Value>
  void complete(Value&&... value) noexcept {
    try {
      result_.template emplace<1>(std::forward<Value>(value)...);
    } catch (...) {
      result_.template emplace<2>(std::current_exception());
    }
    finish();
  }
  void fail(std::exception_ptr&& error) noexcept {
    result_.template emplace<2>(std::move(error));
    finish();
  }

  // ---- the coroutine ----

  [[nodiscard]] T take() {
    if (auto* const error = std::get_if<2>(&result_))
      std::rethrow_exception(std::move(*error));
    if constexpr (!std::is_void_v<T>)
      return std::move(std::get<1>(result_));
  }

  suspension* of = nullptr; ///< whom it wakes, if `word` says that it waits
  one_shot word;

protected:
  explicit completing(bool asks) noexcept : asks_(asks) {}
  ~completing() = default;

private:
  void finish() noexcept;

  const bool asks_; // it is an asking<T>
  std::variant<std::monostate, value_type, std::exception_ptr> result_;
};

/// Of a message that was asked.
template <class T>
struct asking final : completing<T> {
  asking() noexcept : completing<T>(true) {}

  [[nodiscard]] static asking* make() { return ::new (take_block(sizeof(asking))) asking; }

  ask_edge edge;
};

template <class T>
void completing<T>::destroy() noexcept {
  if (asks_) {
    auto* const all = static_cast<asking<T>*>(this);
    std::destroy_at(all);
    give_block(all, sizeof(asking<T>));
  } else {
    this->~completing();
    give_block(this, sizeof(completing));
  }
}

template <class T>
void completing<T>::finish() noexcept {
  if (asks_)
    forget(static_cast<asking<T>*>(this)->edge); // before: what it answers may be asked next
  switch (word.finish()) {
  case one_shot::state::waiting:
    of->home->resume_soon(*of); // from here on it may be gone
    break;
  case one_shot::state::left:
    destroy();
    break;
  case one_shot::state::empty:
  case one_shot::state::cancelled:
  case one_shot::state::ready:
    break;
  }
}

/// Of what completes by a completing<T>; what begins it is the user's.
template <class T>
class completing_await : public awaiting {
public:
  explicit completing_await(suspension& s) noexcept { whose = &s; }
  completing_await(const completing_await&) = delete;
  completing_await& operator=(const completing_await&) = delete;
  ~completing_await() {
    if (shared_ != nullptr && shared_->word.leave())
      shared_->destroy();
  }

  [[nodiscard]] bool await_ready() noexcept { return is_cancelled = whose->is_stopped; }
  T await_resume() {
    if (is_cancelled)
      throw cancelled();
    return shared_->take();
  }

protected:
  /// begin(completion) begins it. True: the coroutine is suspended.
  template <class Begin>
  [[nodiscard]] bool suspend(std::coroutine_handle<> handler, Begin&& begin) {
    return suspend(handler, *completing<T>::make(), std::forward<Begin>(begin));
  }
  template <class Begin>
  [[nodiscard]] bool suspend(std::coroutine_handle<> handler, completing<T>& shared,
                             Begin&& begin) {
    shared.of = whose;
    whose->at = handler;
    whose->waits_for = this;
    completion<T> completes;
    completes.of_ = shared_ = &shared;
    cell = &shared.word;
    begin(std::move(completes));
    return shared.word.wait();
  }

  completing<T>* shared_ = nullptr;
};

template <class T, class Start>
class callback_await final : public completing_await<T> {
public:
  callback_await(suspension& s, Start&& start) : completing_await<T>(s), start_(std::move(start)) {}

  [[nodiscard, gnu::noinline]] bool await_suspend(std::coroutine_handle<> handler) {
    return this->suspend(handler, [this](completion<T>&& done) { start_(std::move(done)); });
  }

private:
  Start start_;
};

/// What convoy::callback() returns.
template <class T, class Start>
class [[nodiscard]] callback_begin {
public:
  explicit callback_begin(Start&& start) : start_(std::move(start)) {}
  explicit callback_begin(const Start& start) : start_(start) {}

  [[nodiscard]] callback_await<T, Start> awaiter(suspension& s) && {
    return {s, std::move(start_)};
  }

private:
  Start start_;
};

/// The drainer sets its timer when the lane is back, and has it cancelled or due: no other thread takes
/// part.
class sleep_await final : public awaiting {
public:
  sleep_await(suspension& s, clock::time_point until) noexcept {
    whose = &s;
    sleeps = true;
    due = until;
  }
  sleep_await(const sleep_await&) = delete;
  sleep_await& operator=(const sleep_await&) = delete;
  ~sleep_await() = default;

  [[nodiscard]] bool await_ready() noexcept { return is_cancelled = whose->is_stopped; }
  [[gnu::noinline]] void await_suspend(std::coroutine_handle<> handler) noexcept {
    whose->at = handler;
    whose->waits_for = this;
  }
  void await_resume() const {
    if (is_cancelled)
      throw cancelled();
  }
};

/// What convoy::sleep() returns.
class [[nodiscard]] sleep_begin {
public:
  explicit sleep_begin(clock::time_point until) noexcept : until_(until) {}
  [[nodiscard]] sleep_await awaiter(suspension& s) && noexcept { return {s, until_}; }

private:
  clock::time_point until_;
};

} // namespace detail
} // namespace convoy
