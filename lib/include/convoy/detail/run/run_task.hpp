#pragma once

// The loop around handlers that are coroutines: a pump begins one, or goes on with one, and gives the
// lane back when it waits.

#include "convoy/await.hpp"
#include "convoy/detail/insight/timed_run.hpp"
#include "convoy/detail/lane/suspension.hpp"
#include "convoy/detail/partition/resumptions.hpp"
#include "convoy/detail/run/attempt.hpp"
#include "convoy/detail/run/run_lane.hpp"
#include "convoy/detail/task/asking.hpp"
#include "convoy/task.hpp"

#include <algorithm>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace convoy::detail {

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task_of<T>> = true;

template <class Handler, class Core>
consteval bool has_task_result() {
  if constexpr (form<Handler, Core> == handler_form::none)
    return false;
  else
    return is_task<std::remove_cvref_t<decltype(std::declval<invocation<Handler, Core>&>()())>>;
}
/// The handler is a coroutine.
template <class Handler, class Core>
inline constexpr bool returns_task = has_task_result<Handler, Core>();

/// For core::make_resumer.
template <class Handler, class Core>
[[nodiscard]] constexpr auto resumer_of() {
  using function = std::unique_ptr<resumer> (*)(typename Core::partition_type&);
  if constexpr (returns_task<Handler, Core>)
    return function{&resumptions<typename Core::partition_type>::make};
  else
    return function{};
}

/// What becomes of a lane.
enum class task_step : unsigned char { goes_on, stops, suspended };

/// A pump's run of a lane whose handler is a coroutine.
template <class Handler, class Core>
class task_run {
  using lane_type = typename Core::lane_type;
  using partition_type = typename Core::partition_type;
  using context_type = typename Core::context_type;
  using message_type = typename Core::message_type;
  using invocation_type = invocation<Handler, Core>;
  using task_type = std::remove_cvref_t<decltype(std::declval<invocation_type&>()())>;
  using value_type = typename task_type::value_type;
  using promise_type = typename task_type::promise_type;
  using handle = std::coroutine_handle<promise_type>;
  static constexpr bool is_answer =
      !std::is_void_v<value_type> && !std::is_same_v<value_type, outcome>;

  static_assert(
      !gets_spans<Handler, Core>,
      "convoy: a handler that is a coroutine takes one message: a span would have to stay "
      "together while it waits");
  static_assert(
      !is_answer || answers<message_type, value_type>,
      "convoy: a handler that returns task_of<T> answers its message, which needs a member "
      "convoy::completion<T> answer, or message_traits<Message>::answer");

public:
  task_run(Core& core, partition_type& home, lane_type& lane, pump& self) noexcept
      : core_(core), home_(home), lane_(lane), self_(self) {}

  /// Of the lane's first message.
  [[nodiscard]] task_step begin() noexcept {
    if (lane_.hold != nullptr && lane_.hold->doomed != 0 && lane_.hold->spared == 0) [[unlikely]]
      return step_of(bury_doomed(core_, home_, lane_));
    if (core_.is_abandoned()) [[unlikely]]
      return step_of(bury_first(core_, home_, lane_, death::shutdown));
    if constexpr (has_deadline<message_type>)
      if (has_expired(first_of(lane_)))
        return step_of(bury_first(core_, home_, lane_, death::expired));
    if (!core_.places.take()) [[unlikely]] {
      hold::of(lane_, home_.holds).stopped = stop::place;
      return task_step::stops;
    }
    void* context = nullptr;
    try {
      task_type made = call(context);
      const auto whole = task_access::release(made);
      if (!whole)
        throw std::logic_error("convoy: a handler returned a task that was moved from");
      auto& s = whole.promise().own;
      s.lane = &lane_;
      s.home = &home_.coroutines();
      s.owner = &core_;
      s.context = context;
      s.whole = s.at = whole;
      return resume(whole);
    } catch (...) {
      free_context(context);
      core_.places.give_back();
      return end(outcome::retry, std::current_exception());
    }
  }

  /// Of the handler that was suspended.
  [[nodiscard]] task_step go_on(suspension& s) noexcept {
    if (s.stop.stop_possible()) [[unlikely]] {
      self_.running.begin(&core_, &lane_);
      self_.running.go_on(std::exchange(s.stop, std::stop_source(std::nostopstate)), s.limit);
      if (s.limit != clock::time_point::max())
        set_limit(s);
      if (core_.is_abandoned()) // shutdown() may have looked before
        self_.running.request_stop(&core_, clock::now());
    } else if (core_.watchdog != nullptr) [[unlikely]] {
      self_.running.begin(&core_, &lane_);
      core_.watchdog->watch();
    }
    return resume(handle::from_address(s.whole.address()));
  }

private:
  [[nodiscard]] static task_step step_of(bool goes_on) noexcept {
    return goes_on ? task_step::goes_on : task_step::stops;
  }

  /// It does not run yet.
  [[nodiscard]] task_type call(void*& context) {
    one_message messages(lane_, 1);
    messages.keep_from(0);
    if (core_.is_watched) [[unlikely]]
      tell_started(core_, lane_, self_, messages);
    if constexpr (gets_context<Handler, Core>) {
      context = take_block(sizeof(context_type));
      invocation_type::place_context(context, core_, home_, lane_, messages);
    }
    return invocation_type{core_, home_, lane_, self_,
                           messages}(static_cast<context_type*>(context));
  }

  static void free_context(void* context) noexcept {
    if constexpr (gets_context<Handler, Core>)
      if (context != nullptr) {
        std::destroy_at(static_cast<context_type*>(context));
        give_block(context, sizeof(context_type));
      }
  }

  [[gnu::cold]] void set_limit(suspension& s) noexcept try {
    self_.set_limit(s.limit);
  } catch (
      ...) { // no memory: it is looked at when it is suspended again. NOLINT(bugprone-empty-catch)
    (void)s;
  }

  [[nodiscard]] task_step resume(handle whole) noexcept {
    auto& s = whole.promise().own;
    s.at.resume();
    if (!whole.done()) {
      self_.running.suspend(s.stop, s.limit);
      note_suspended(lane_, s);
      return task_step::suspended;
    }
    auto& promise = whole.promise();
    auto error = std::move(promise.error);
    outcome result = outcome::done;
    try {
      if (error)
        result = outcome::retry;
      else if constexpr (std::is_same_v<value_type, outcome>)
        result = promise.take();
      else if constexpr (is_answer)
        answer_of(first_of(lane_))(promise.take());
    } catch (...) {
      error = std::current_exception();
      result = outcome::retry;
    }
    const bool is_stopped = s.is_stopped;
    auto* const context = s.context;
    whole.destroy(); // what it has may refer to its message
    free_context(context);
    core_.places.give_back();
    if (is_stopped && core_.is_abandoned() && result.what() == outcome::kind::retry) [[unlikely]] {
      self_.running.end();
      return step_of(bury_first(core_, home_, lane_, death::shutdown));
    }
    return end(std::move(result), error);
  }

  /// As the end of attempt().
  [[nodiscard]] task_step end(outcome result, const std::exception_ptr& error) noexcept {
    self_.running.end();
    {
      one_message messages(lane_, 1);
      if (core_.is_watched) [[unlikely]]
        tell_finished(core_, lane_, messages, result);
      if (result.what() == outcome::kind::done) [[likely]] {
        if (lane_.hold != nullptr) [[unlikely]]
          hold::forget_first(lane_);
        return task_step::goes_on;
      }
      messages.keep_from(0);
    }
    return step_of(fail_first(core_, home_, lane_, std::move(result), error));
  }

  Core& core_;
  partition_type& home_;
  lane_type& lane_;
  pump& self_;
};

/// core::run_lane for a handler type.
template <class Handler, class Core>
void run_task_lane(Core& core, typename Core::partition_type& home, typename Core::lane_type& lane,
                   pump& self) noexcept {
  self.note_lane();
  self.cover();
  auto* suspended = take_suspended(lane);
  if (suspended == nullptr) {
    evict_if_due(core, lane);
    if (lane.handed == 0)
      return home.give_back(lane, self);
  }
  const auto before = lane.finished;
  const auto most = std::min(lane.handed, core.options.quantum_messages);
  timed_run timed(core, lane, self, most);
  quantum_clock quantum(most, self.lanes_are_slow());
  task_run<Handler, Core> run(core, home, lane, self);
  const auto may_go_on = [&] {
    const auto done = lane.finished - before;
    return done < most && !quantum.over(done, core.options.quantum_time);
  };
  const bool gives_back = suspended != nullptr && suspended->gives_back; // read before it is gone
  while ((suspended != nullptr ? run.go_on(*std::exchange(suspended, nullptr)) : run.begin()) ==
             task_step::goes_on &&
         !gives_back && may_go_on()) {
  }
  timed.end(lane, lane.finished - before);
  home.give_back(lane, self);
}

} // namespace convoy::detail
