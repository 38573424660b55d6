#pragma once

// submitter: what others may know of the processor, its account and why a key does not move.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/partition/explain.hpp"
#include "convoy/detail/submit/submitter_control.hpp"
#include "convoy/explanation.hpp"
#include "convoy/status.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace convoy::detail {

/// What keeps submit() from adding to it.
template <class Core>
void submitter<Core>::explain_limits(const Key& key, explanation& why) {
  auto& p = *partitions_[index_of(core_.scattered_hash(key))];
  clock::duration until_room{0};
  if (p.limits) {
    const auto is = p.limits->explain(key);
    why.is_full = is.is_full;
    until_room = is.until_room;
  }
  if (why.state != key_state::idle && why.state != key_state::in_ring)
    return; // its own messages are why
  if (const auto all = account(); all.unfinished() >= core_.options.capacity) {
    why.state = key_state::full;
  } else if (until_room.count() != 0) {
    why.state = key_state::limited;
    why.until = clock::now() + until_room;
  }
}

template <class Core>
template <class Result>
std::optional<Result> submitter<Core>::look_at(partition_type& p,
                                               std::function<Result(partition_type&)> look,
                                               clock::time_point until) {
  std::optional<Result> is;
  if (p.try_in_role([&] { is = look(p); }))
    return is;
  auto request = std::make_unique<look_request<partition_type, Result>>(std::move(look));
  const auto result = request->result;
  p.post(std::move(request));
  is = result->await(until);
  if (!is)
    result->give_up();
  return is;
}

template <class Core>
auto submitter<Core>::explainer(key_finder<Core> find) {
  return std::function<seen_key(partition_type&)>([&core = core_, find](partition_type& p) {
    auto seen = detail::explain(core, p, find(core, p));
    if (!seen.is_all())
      explain_further(p, seen);
    return seen;
  });
}
/// For a partition that the key is not of.
template <class Core>
auto submitter<Core>::explainer(const seen_key& so_far) {
  return std::function<seen_key(partition_type&)>(
      [seen = so_far](partition_type& p) mutable { // once, and must not throw as a copy may
        explain_further(p, seen);
        return std::move(seen);
      });
}

template <class Core>
explanation submitter<Core>::explain(const key_finder<Core>& find, clock::time_point until) {
  const auto own = index_of(find.hash());
  auto seen = look_at(*partitions_[own], explainer(find), until);
  if (!seen)
    return {.state = key_state::no_worker};
  for (auto i = after(own); !is_told(*seen); i = after(i)) {
    if (auto more = look_at(*partitions_[i], explainer(*seen), until)) {
      seen = std::move(more);
    } else {
      seen->saw_all = false;
      ++seen->asked;
    }
  }
  return std::move(*seen).end();
}

template <class Core>
void submitter<Core>::survey(clock::time_point until) {
  for (const auto& p : partitions_)
    (void)look_at<bool>(
        *p,
        [](partition_type& at) {
          at.look_at_lanes(false);
          return true;
        },
        until);
}

template <class Core>
forecast submitter<Core>::what_if(const Key& key, const change& wanted, clock::time_point until) {
  known_backlog backlog;
  for (const auto& p : partitions_) {
    const auto listed = look_at<std::optional<known_backlog>>(
        *p,
        [&core = core_](partition_type& at) -> std::optional<known_backlog> {
          known_backlog its;
          return list_backlog(core, at, its) ? std::optional(std::move(its)) : std::nullopt;
        },
        until);
    if (!listed) { // of a drainer that is in a handler
      backlog.of_any_keys += p->ring.messages() - std::min(p->finished(), p->ring.messages());
      continue;
    }
    if (!*listed)
      throw std::bad_alloc();
    backlog.keys.insert(backlog.keys.end(), (*listed)->keys.begin(), (*listed)->keys.end());
    backlog.of_any_keys += (*listed)->of_any_keys;
  }
  return predict(core_.insight->known(), backlog, core_.scattered_hash(key), wanted,
                 core_.scheduler.concurrency());
}

template <class Core>
explanation submitter<Core>::explain(const Key& key, clock::time_point until) {
  auto why = explain(key_finder<Core>(core_, key), until);
  explain_worker(core_.scattered_hash(key), why);
  explain_limits(key, why);
  return why;
}

template <class Core>
explanation submitter<Core>::explain_hash(std::uint64_t scattered, clock::time_point until) {
  auto why = explain(key_finder<Core>(scattered), until);
  explain_worker(scattered, why);
  return why;
}

/// The key may be one of those that hold all workers up.
template <class Core>
void submitter<Core>::explain_worker(std::uint64_t scattered, explanation& why) {
  if (core_.insight == nullptr || why.state != key_state::no_worker)
    return;
  clock::time_point begun{};
  why.worker = core_.insight->worker_with_key(scattered, begun);
  if (why.worker) {
    why.state = key_state::running;
    why.since = begun;
  }
}

/// Asks one partition after the other for a callback. Each asks the next one in a callback of its own:
/// all of them count where the first does, and have its permit.
template <class Core>
struct submitter<Core>::question {
  const Key key;
  const std::function<void(const explanation&)> then;
  pending_count& all;
  const request_limit::permit permit;
};

/// Throws std::bad_alloc, and too_many_requests.
template <class Core>
void submitter<Core>::explain(const Key& key, std::function<void(const explanation&)> then) {
  if (core_.is_last_callback())
    return;
  const auto own = index_of(core_.scattered_hash(key));
  auto permit = take_permit();
  const std::shared_ptr<const question> asked(
      new question{key, std::move(then), callbacks(), std::move(permit)});
  explain_in(own, explainer(key_finder<Core>(core_, key)), asked);
}

/// Throws std::bad_alloc.
template <class Core>
void submitter<Core>::explain_in(std::size_t which, std::function<seen_key(partition_type&)> look,
                                 std::shared_ptr<const question> asked) {
  auto request = std::make_unique<look_request<partition_type, seen_key>>(std::move(look));
  auto& all = asked->all;
  request->then = std::make_unique<callback>(
      core_.scheduler,
      [this, which, asked = std::move(asked), result = request->result] {
        explain_next(after(which), *result->await(clock::time_point{}), asked); // it is there
      },
      &core_, all, request_limit::permit());
  partitions_[which]->post(std::move(request));
}

/// The next partition may know what its joint message waits for, the key's own does not.
template <class Core>
void submitter<Core>::explain_next(std::size_t next, seen_key seen,
                                   const std::shared_ptr<const question>& asked) {
  if (!is_told(seen))
    try {
      if (!core_.is_last_callback())
        return explain_in(next, explainer(seen), asked);
      seen.saw_all = false;
    } catch (...) { // no memory: then that is all
      seen.saw_all = false;
    }
  auto why = std::move(seen).end();
  explain_limits(asked->key, why);
  asked->then(why);
}

template <class Core>
account submitter<Core>::account() const noexcept {
  const std::lock_guard lock(accounting_);
  std::uint64_t finished = 0, conflated = 0;
  for (const auto& p : partitions_)
    finished += p->finished();
  for (const auto& p : partitions_)
    conflated += p->lanes().conflated.load(std::memory_order_relaxed); // at least those of finished
  const auto dead = core_.failures.buried();
  const auto refused = core_.failures.discarded();
  // (1) acquire: that they were accepted; pairs with (1) in maintenance.hpp
  const auto cancelled = core_.cancelled.load(std::memory_order_acquire);
  // A dead letter counts before its message does as finished, so this may be too low, and go back.
  // Likewise what was merged; it must not count before it does as finished, as it orders nothing.
  const auto done = finished - std::min(finished, dead + refused);
  conflated_ = std::max(conflated_, std::min(conflated, done - std::min(done, completed_)));
  completed_ = std::max(completed_, done - std::min(done, conflated));
  // After all that: whatever is finished is seen to be accepted.
  auto accepted = core_.put_off.load(std::memory_order_relaxed) +   // see above
                  core_.put_before.load(std::memory_order_relaxed); // likewise
  for (const auto& p : partitions_)
    accepted += p->ring.messages();
  return {.accepted = accepted,
          .completed = completed_,
          .dead_letters = dead,
          .discarded = refused + cancelled,
          .conflated = conflated_};
}

} // namespace convoy::detail
