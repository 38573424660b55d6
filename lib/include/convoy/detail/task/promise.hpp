#pragma once

// What a coroutine of a handler has besides its frame, and how it awaits.
//
// Clang before 19 takes what an await_suspend() that it inlines has on its stack into the coroutine's
// frame, which may be another worker's by then (llvm#56301): they are noinline.

#include "convoy/detail/lane/suspension.hpp"
#include "convoy/detail/sched/blocks.hpp"

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace convoy {

template <class T>
class task_of;

namespace detail {

/// What the library's own awaitables have. They can be moved, as GCC 12 copies what it awaits; what
/// they make can't.
template <class Awaitable>
concept own_awaitable = requires(Awaitable&& a, suspension& s) {
  std::move(a).awaiter(s);
};

struct task_access {
  template <class T>
  [[nodiscard]] static auto handle_of(const task_of<T>& task) noexcept {
    return task.of_;
  }
  template <class T>
  [[nodiscard]] static auto release(task_of<T>& task) noexcept {
    return std::exchange(task.of_, nullptr);
  }
};

template <class T>
struct nested_task;
template <class Awaiter>
class foreign_await;

template <class Awaitable>
[[nodiscard]] decltype(auto) awaiter_of(Awaitable&& a) {
  if constexpr (requires { std::forward<Awaitable>(a).operator co_await(); })
    return std::forward<Awaitable>(a).operator co_await();
  else if constexpr (requires { operator co_await(std::forward<Awaitable>(a)); })
    return operator co_await(std::forward<Awaitable>(a));
  else
    return std::forward<Awaitable>(a);
}

class promise_base {
public:
  promise_base() = default;
  promise_base(const promise_base&) = delete;
  promise_base& operator=(const promise_base&) = delete;
  // NOLINTNEXTLINE(misc-new-delete-overloads): sized, below
  [[nodiscard]] static void* operator new(std::size_t size) { return take_block(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { give_block(frame, size); }

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }

  struct ending {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard, gnu::noinline]] std::coroutine_handle<>
    await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const auto next = ended.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] ending final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  template <own_awaitable Awaitable>
  [[nodiscard]] auto await_transform(Awaitable&& a) const {
    return std::move(a).awaiter(*root); // NOLINT(bugprone-move-forwarding-reference)
  }
  template <class T>
  [[nodiscard]] nested_task<T> await_transform(task_of<T>&& of) const noexcept {
    return nested_task<T>(std::move(of), *root);
  }
  /// What is not ours may go on anywhere: it is given a coroutine that posts the handler.
  template <class Awaitable>
  requires(!own_awaitable<Awaitable>) [[nodiscard]] auto await_transform(Awaitable&& a) const {
    using awaiter = decltype(awaiter_of(std::forward<Awaitable>(a)));
    return foreign_await<awaiter>(std::forward<Awaitable>(a), *root);
  }

  suspension own;
  suspension* root = &own; ///< the handler's, if it is another coroutine
  std::coroutine_handle<> continuation;
  std::exception_ptr error;
};

template <class T>
class promise final : public promise_base {
public:
  [[nodiscard]] task_of<T> get_return_object() noexcept {
    return task_of<T>(std::coroutine_handle<promise>::from_promise(*this));
  }
  template <class U>
  requires std::is_constructible_v<T, U&&>
  void return_value(U&& result) { result_.emplace(std::forward<U>(result)); }

  [[nodiscard]] T take() {
    if (error)
      std::rethrow_exception(error);
    return std::move(*result_);
  }

private:
  std::optional<T> result_;
};
template <>
class promise<void> final : public promise_base {
public:
  [[nodiscard]] task_of<void> get_return_object() noexcept;
  void return_void() const noexcept {}

  void take() const {
    if (error)
      std::rethrow_exception(error);
  }
};

/// A coroutine that another one awaits: it begins at once, and ends in that one.
template <class T>
struct nested_task {
  nested_task(task_of<T>&& its, suspension& s) noexcept : of(std::move(its)), root(s) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard, gnu::noinline]] std::coroutine_handle<>
  await_suspend(std::coroutine_handle<> outer) noexcept {
    const auto handle = task_access::handle_of(of);
    handle.promise().root = &root;
    handle.promise().continuation = outer;
    return handle;
  }
  T await_resume() { return task_access::handle_of(of).promise().take(); }

  task_of<T> of;
  suspension& root;
};

/// A coroutine of no steps. When it is resumed it posts the handler, as the last thing that anybody
/// does with it.
class relay {
public:
  class promise_type {
  public:
    explicit promise_type(suspension& s) noexcept : of_(s) {}
    [[nodiscard]] static void* operator new(std::size_t size) { return take_block(size); } // NOLINT
    static void operator delete(void* frame, std::size_t size) noexcept { give_block(frame, size); }
    [[nodiscard]] relay get_return_object() noexcept {
      return relay(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    struct posting {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      [[gnu::noinline]] void
      await_suspend(std::coroutine_handle<promise_type> ended) const noexcept {
        auto& s = ended.promise().of_;
        s.home->resume_soon(s);
      }
      void await_resume() const noexcept {}
    };
    [[nodiscard]] posting final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }

  private:
    suspension& of_;
  };

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant" // GCC's own, in each coroutine
  [[nodiscard]] static relay make(suspension&) {
    co_return;
  }
#pragma GCC diagnostic pop

  relay(relay&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;
  ~relay() {
    if (of_)
      of_.destroy();
  }
  [[nodiscard]] std::coroutine_handle<promise_type> handle() const noexcept {
    return of_;
  }

private:
  explicit relay(std::coroutine_handle<promise_type> of) noexcept : of_(of) {}
  std::coroutine_handle<promise_type> of_;
};

/// An awaiter that is not ours. It can't be stopped: what it has begun is waited for.
template <class Awaiter>
class foreign_await : public awaiting {
public:
  template <class Awaitable>
  foreign_await(Awaitable&& a, suspension& s) : its_(awaiter_of(std::forward<Awaitable>(a))) {
    whose = &s;
  }

  [[nodiscard]] bool await_ready() { return its_.await_ready(); }

  [[nodiscard, gnu::noinline]] std::coroutine_handle<>
  await_suspend(std::coroutine_handle<> handler) {
    relay_.emplace(relay::make(*whose));
    const auto posts = relay_->handle();
    whose->at = handler;
    whose->waits_for = this;
    using result = decltype(its_.await_suspend(posts));
    if constexpr (std::is_void_v<result>) {
      its_.await_suspend(posts);
    } else if constexpr (std::is_same_v<result, bool>) {
      if (!its_.await_suspend(posts))
        return handler;
    } else {
      const std::coroutine_handle<> then = its_.await_suspend(posts);
      return then == posts ? handler : then;
    }
    return std::noop_coroutine();
  }

  decltype(auto) await_resume() { return its_.await_resume(); }

private:
  Awaiter its_;
  std::optional<relay> relay_;
};

} // namespace detail
} // namespace convoy
