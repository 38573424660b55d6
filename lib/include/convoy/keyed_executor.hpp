#pragma once

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/ds/callable.hpp"
#include "convoy/processor.hpp"

#include <concepts>
#include <functional>
#include <future>
#include <type_traits>
#include <utility>

namespace convoy {

/// A callable without arguments, move-only ones too.
using callable = detail::callable;

/// Runs callables in strict FIFO order per key, one at a time per key, and in parallel across keys:
/// a processor whose messages are the callables. Order, bounds, waiting and thread safety are those
/// of processor. A callable of up to 40 bytes costs no allocation, a larger one and one that goes
/// through async() do. It returns void, except in async(): there what it returns or throws goes
/// into the future, and it counts as completed. What it throws else is a failure as in every
/// handler: its exception goes to on_error, it becomes a dead letter (`failed`), and the lane goes
/// on; it is called again only if there is a failure_policy.
template <class Key, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
class keyed_executor {
  using processor_type = processor<Key, callable, void, Hash, Equal>;

public:
  using options = typename processor_type::options;

  explicit keyed_executor(runtime& where, options wanted = {}, Hash hash = {}, Equal equal = {})
      : tasks_(
            where, [](callable& run) { run(); }, std::move(wanted), std::move(hash),
            std::move(equal)) {}

  /// See processor::submit. The callable is moved or copied only if it is accepted.
  template <std::invocable Function>
  [[nodiscard]] submit_status submit(const Key& key, Function&& function) {
    return tasks_.submitter_.submit_waiting(key, std::forward<Function>(function));
  }

  /// See processor::try_submit.
  template <std::invocable Function>
  [[nodiscard]] submit_status try_submit(const Key& key, Function&& function) {
    return tasks_.submitter_.emplace(key, std::forward<Function>(function));
  }

  /// Submits a callable and returns its result, or what it throws, as a future. Throws
  /// convoy::refused if it was not accepted. Do not wait for the future inside a handler: its own
  /// key may have to run first.
  template <std::invocable Function>
  [[nodiscard]] auto async(const Key& key, Function&& function) {
    static_assert(
        !requires { typename std::invoke_result_t<std::decay_t<Function>&>::promise_type; },
        "convoy: async() would return a coroutine that nobody begins; a processor's handler may be "
        "one");
    const Key its_key(key); // it may be in the callable
    std::packaged_task<std::invoke_result_t<std::decay_t<Function>&>()> run(
        std::forward<Function>(function));
    auto result = run.get_future();
    if (const auto status = submit(its_key, std::move(run)); status != submit_status::accepted)
      throw refused(status);
    return result;
  }

  void drain() { tasks_.drain(); }
  void close() noexcept { tasks_.close(); }

  /// For all else: schedules, control of a key, shutdown, the account. Its messages are made from
  /// any callable: tasks().submit_after(key, 5ms, convoy::callable([] { … })).
  [[nodiscard]] processor_type& tasks() noexcept { return tasks_; }

private:
  processor_type tasks_;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
