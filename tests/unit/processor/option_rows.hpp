#pragma once

#include "processor/each_option.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace each_option {

inline maker joint_of_one_key() {
  return [](convoy::runtime& rt, handling& h, sizes s) -> std::unique_ptr<subject> {
    return std::make_unique<joint>(
        rt, s, [](plain_message&) {},
        joint::options{.joint = [&h](convoy::joint<number>& keys, plain_message& m) {
          h.handle(keys.key(0), m.n);
        }});
  };
}

inline std::vector<row> rows() {
  constexpr std::size_t many = 1 << 20;
  constexpr auto handle = [](handling& h, const number& key, plain_message& m, auto&...) {
    h.handle(key, m.n);
  };
  constexpr auto handle_span = [](handling& h, const number& key, std::span<plain_message> all) {
    for (auto& m : all)
      h.handle(key, m.n);
  };
  const auto skip = [](handling& h, const number& key, plain_message& m) {
    h.handle(key, m.n);
    return outcome::skip;
  };
  const auto fail_once = [](handling& h, const number& key, plain_message& m) {
    h.begin(key);
    if (!std::exchange(m.failed, true))
      return outcome::retry;
    h.finish(key, m.n);
    return outcome::done;
  };
  const auto handle_all = [](handling& h, const number& key, plain_message& m) {
    h.handle(key, m.n);
    h.finished += m.merged;
  };
  const auto merge = [](plain_message& waiting, plain_message& next) {
    next.merged += waiting.merged + 1;
    waiting = next;
  };
  const auto read = [](handling& h, const number& key, read_message& m) {
    m.is_shared() ? h.handle_shared(key, m.n) : h.handle(key, m.n);
  };
  const auto wait_not = [](handling& h, const number& key, plain_message& m) -> convoy::task {
    h.handle(key, m.n);
    co_return;
  };
  const auto wait = [](handling& h, const number& key, plain_message& m) -> convoy::task {
    co_await convoy::sleep(0ns);
    h.handle(key, m.n);
  };
  const auto call_back = [](handling& h, const number& key, plain_message& m) -> convoy::task {
    const auto start = [](convoy::completion<number> done) { done(0); };
    (void)co_await convoy::callback<number>(start);
    h.handle(key, m.n);
  };
  constexpr convoy::failure_policy at_once{.attempts = 2, .backoff = 0ns, .jitter = false};
  constexpr convoy::duplicates ids{.window = 1ms, .most = 16};
  constexpr convoy::key_rate rate{.per_second = 1e7, .burst = 1e4};
  using sharing = processor_subject<number, read_message>;
  using stateful = processor_subject<number, plain_message, int>;
  const stateful::options idle_state{.state = {.make = [](const number&) { return 1; },
                                               .idle = 1ms,
                                               .on_evict = [](const number&, int&) {}}};
  return {
      {.name = "nothing", .make = quiet({})},
      {.name = "string_keys", .make = quiet<std::string>({})},
      {.name = "quantum_messages", .make = quiet({.quantum_messages = 1})},
      {.name = "envelope", .make = quiet<number, with_id>({})},
      {.name = "key_capacity", .make = quiet({.key_capacity = many}), .locks = 2},
      {.name = "key_capacity_of_string_keys",
       .make = quiet<std::string>({.key_capacity = many}),
       .locks = 2},
      {.name = "rate", .make = quiet({.rate = rate}), .waits_for_times = true, .locks = 2},
      {.name = "rate_of_messages_with_ids",
       .make = quiet<number, with_id>({.rate = rate}),
       .waits_for_times = true,
       .locks = 2},
      {.name = "duplicates",
       .make = quiet<number, with_id>({.duplicates = ids}),
       .waits_for_times = true,
       .locks = 2},
      {.name = "failure", .make = quiet({.failure = convoy::failure_policy{}})},
      {.name = "failure_of_each_once", .make = with(fail_once, {.failure = at_once}, one_by_one{})},
      {.name = "dead_letters", .make = with(skip, {.dead_letters = [](auto&) {}}, one_by_one{})},
      {.name = "dead_letter_store", .make = made<stored>(), .allocations = 3},
      {.name = "on_parked", .make = made<resumed>(), .allocations = 1},
      {.name = "batch_limit", .make = with(handle_span, {.batch_limit = 4}, spans{})},
      {.name = "linger",
       .make = with(handle_span, {.batch_limit = 4, .linger = 1ms}, spans{}),
       .waits_for_times = true},
      {.name = "conflate", .make = with(handle_all, {.conflate = merge}, one_by_one{})},
      {.name = "state",
       .make = with<stateful>(handle, {}, with_state{}),
       .allocations = 1,
       .for_new_keys_only = true,
       .bytes_of_idle_key = 180},
      {.name = "state_that_goes",
       .make = with<stateful>(handle, idle_state, with_state{}),
       .waits_for_times = true},
      {.name = "watchdog", .make = quiet({.watchdog = {.threshold = 1s, .report = [](auto&) {}}})},
      {.name = "context",
       .make =
           with([](handling& h, auto& context, plain_message& m) { h.handle(context.key(), m.n); },
                {}, with_context{})},
      {.name = "context_limit",
       .make = with(
           [](handling& h, auto& context, plain_message& m) {
             (void)context.limit(1h);
             h.handle(context.key(), m.n);
           },
           {}, with_context{}),
       .allocations = 1},
      {.name = "submit_after",
       .make = with<scheduled>(handle, {}, one_by_one{}),
       .allocations = 2,
       .waits_for_times = true,
       .locks = 3,
       .by_time = true},
      {.name = "fence",
       .make = with<fenced>(handle, {}, one_by_one{}),
       .allocations = 3,
       .locks = 1},
      {.name = "shared", .make = with<sharing>(read, {}, of_shared{})},
      {.name = "most_shared", .make = with<sharing>(read, {.most_shared = 1}, of_shared{})},
      {.name = "joint", .make = joint_of_one_key(), .locks = 1},
      {.name = "task", .make = with(wait_not, {}, one_by_one{})},
      {.name = "task_that_waits",
       .make = with(wait, {}, one_by_one{}),
       .waits_for_times = true,
       .kept_bytes = 600'000},
      {.name = "task_that_calls_back", .make = with(call_back, {}, one_by_one{})},
      {.name = "suspended",
       .make = with(wait, {.suspended = {.most = 3, .limit = 1h}}, one_by_one{}),
       .waits_for_times = true},
      {.name = "keyed_executor", .make = made<executor>()},
  };
}

} // namespace each_option
