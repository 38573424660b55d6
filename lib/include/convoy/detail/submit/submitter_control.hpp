#pragma once

// submitter, the part about what is asked of a processor besides handling messages. Any thread.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/sched/task_wait.hpp"
#include "convoy/detail/submit/submitter.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace convoy::detail {

template <class Core>
template <class Attempt>
submit_status submitter<Core>::with_waiting(submit_status status, const Key& key,
                                            Attempt&& attempt) {
  const auto passes = [&status] {
    return status == submit_status::full || status == submit_status::key_full ||
           status == submit_status::key_rate;
  };
  if (!passes() || on_worker_thread()) [[likely]]
    return status;
  const auto begun = core_.insight != nullptr ? clock::now() : clock::time_point{};
  task_wait in_task(core_.scheduler, core_.room.notified());
  core_.room.wait([&] {
    while ((status = attempt()) == submit_status::key_rate) { // that nobody tells
      auto& p = *partitions_[index_of(core_.hash(key))];
      sleep_for(std::min<clock::duration>(p.limits->until_room(key), tuning::most_rate_sleep));
    }
    return !passes() || in_task.is_over(core_.room.notified());
  });
  if (core_.insight != nullptr)
    core_.insight->admitted_after(clock::now() - begun);
  return status;
}

template <class Core>
bool submitter<Core>::reserve(partition_type& p, std::uint64_t count) noexcept {
  const std::lock_guard lock(borrowing_);
  std::uint64_t taken = 0;
  for (auto before = count; taken != count && taken != before;) {
    before = taken; // a ring gives half of what it has
    taken += p.ring.take_credit(count - taken);
    for (auto& other : partitions_)
      if (taken != count)
        taken += other->ring.take_credit(count - taken);
  }
  if (taken == count)
    return true;
  p.ring.add_credit(taken);
  return false;
}

/// Credit for messages that get no tickets yet. It is counted as something scheduled, so that who
/// has closed the processor sees it; unless it is kept, all is given back in the end.
template <class Core>
class submitter<Core>::reservation {
public:
  reservation(submitter& self, partition_type& p) noexcept : self_(self), p_(p) {
    self_.core_.scheduled.begin(); // before we look whether it is closed
  }
  reservation(const reservation&) = delete;
  reservation& operator=(const reservation&) = delete;
  ~reservation() {
    if (credit_ != 0)
      p_.ring.add_credit(credit_);
    if (!is_scheduled_)
      self_.core_.scheduled.end();
  }

  [[nodiscard]] bool take_credit(std::uint64_t count) noexcept {
    if (self_.reserve(p_, count))
      credit_ = count;
    return credit_ != 0;
  }
  void keep(bool is_scheduled) noexcept {
    credit_ = 0;
    is_scheduled_ = is_scheduled;
    if (is_scheduled) {
      self_.core_.not_due.fetch_add(1, std::memory_order_relaxed); // only counted
      self_.core_.put_off.fetch_add(1, std::memory_order_relaxed); // before it is posted
    }
  }

private:
  submitter& self_;
  partition_type& p_;
  std::uint64_t credit_ = 0;
  bool is_scheduled_ = false;
};

template <class Core>
void submitter<Core>::use_alarms() {
  call_once(alarms_, [this] {
    for (auto& p : partitions_)
      p->use_alarm();
  });
}

// ---- schedules ----

template <class Core>
template <class Source>
scheduled submitter<Core>::submit_at(const Key& key, clock::time_point at, Source&& message) {
  at = std::min(at, later(clock::now(), clock::duration::max())); // the wheel ends some day
  if (at <= clock::now())
    return scheduled(submit_waiting(key, std::forward<Source>(message)));
  use_alarms();
  using message_type = scheduled_message<partition_type, Key, Message>;
  using request_type = schedule_request<partition_type, Key, Message>;
  const auto hash = core_.hash(key);
  auto& p = *partitions_[index_of(hash)];
  std::shared_ptr<message_type> made;
  const auto attempt = [&]() -> submit_status {
    if (const auto refused = look(p, key, message, false); refused != submit_status::accepted)
      return refused;
    // checked before the reservation, so that a closed processor need not wait for it
    if (p.ring.closed())
      return submit_status::closed;
    reservation place(*this, p);
    if (p.ring.closed())
      return submit_status::closed;
    if (!place.take_credit(1))
      return submit_status::full;
    std::unique_ptr<request_type> request;
    const auto construct = [&] {
      // nothing is moved from if the first two throw
      auto memory = std::make_unique<request_type>();
      made = std::make_shared<message_type>(p, key, hash, std::forward<Source>(message), at);
      memory->set(made);
      request = std::move(memory);
    };
    if (p.limits) {
      if (const auto refused = p.limits->add(key, message, false, construct);
          refused != submit_status::accepted)
        return refused;
    } else {
      construct();
    }
    place.keep(true);
    p.post(std::move(request));
    return submit_status::accepted;
  };
  const auto status = with_waiting(attempt(), key, attempt);
  return scheduled(status, std::move(made));
}

// ---- what comes back ----

template <class Core>
bulk_result submitter<Core>::resubmit(const Key& key, std::span<Message> messages, place where) {
  bulk_result result;
  if (where == place::behind) {
    const Key of_all(key); // it may be in one of the messages
    try {
      for (auto& each : messages) {
        result.status = emplace(of_all, std::move(each), true);
        if (result.status != submit_status::accepted)
          break;
        ++result.accepted;
      }
    } catch (...) {
      rethrow_after(result.accepted);
    }
    return result;
  }
  if (messages.empty())
    return result;
  use_alarms();
  const auto hash = core_.hash(key);
  auto& p = *partitions_[index_of(hash)];
  const auto count = messages.size();
  auto request = std::make_unique<lane_request<partition_type, Key, Message>>(
      wish::put_before, key, static_cast<std::uint32_t>(hash));
  request->messages.reserve(count);
  if (p.ring.closed()) // checked before the reservation, as above
    return {0, submit_status::closed};
  reservation room(*this, p);
  if (p.ring.closed())
    return {0, submit_status::closed};
  if (!room.take_credit(count))
    return {0, submit_status::full};
  if (p.limits)
    if (const auto refused = p.limits->add_more(key, count); refused != submit_status::accepted)
      return {0, refused};
  room.keep(false);
  std::move(messages.begin(), messages.end(), std::back_inserter(request->messages));
  core_.put_before.fetch_add(count, std::memory_order_relaxed); // only counted
  p.ring.skip(count, [&](std::uint64_t end) { // so that there are numbers for them
    request->ticket = end;
    p.post(std::move(request));
  });
  core_.room.notify(); // somebody may have seen the tickets before their credit
  p.signal();
  return {count, submit_status::accepted};
}

// ---- control ----

template <class Core>
void submitter<Core>::control(wish what, const Key& key, std::function<void()> then) {
  const auto hash = core_.hash(key);
  auto& p = *partitions_[index_of(hash)];
  auto request = std::make_unique<lane_request<partition_type, Key, Message>>(
      what, key, static_cast<std::uint32_t>(hash));
  if (then && !core_.is_last_callback())
    request->then = make_callback(std::move(then));
  else
    request->permit =
        core_.unserved.take([this](auto notified) { return task_wait(core_.scheduler, notified); });
  p.ring.skip(1, [&](std::uint64_t end) { // its place among the messages, and the other requests
    request->ticket = end;
    p.post(std::move(request));
  });
  core_.room.notify(); // as in resubmit()
  p.signal();
}

template <class Core>
request_limit::permit submitter<Core>::take_permit() {
  return core_.uncalled.take(
      [this](auto notified) { return task_wait(core_.scheduler, notified); });
}

template <class Core>
std::unique_ptr<callback> submitter<Core>::make_callback(std::function<void()> then) {
  auto permit = take_permit();
  return std::make_unique<callback>(core_.scheduler, std::move(then), &core_, callbacks(),
                                    std::move(permit));
}

template <class Core>
void submitter<Core>::fence(std::function<void()> then) {
  if (core_.is_last_callback())
    return;
  std::vector<std::unique_ptr<fence_part<partition_type>>> parts;
  for (std::size_t i = 0; i < partitions_.size(); ++i)
    parts.push_back(std::make_unique<fence_part<partition_type>>());
  const auto shared =
      callback::share(make_callback(std::move(then))); // throws before anything is asked
  for (std::size_t i = 0; i < partitions_.size(); ++i)
    parts[i]->then = shared;
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    auto& p = *partitions_[i];
    parts[i]->ticket = p.ring.tickets();
    p.request_drain(parts[i]->ticket);
    p.post(std::move(parts[i]));
  }
}

template <class Core>
void submitter<Core>::drain(const Key& key) {
  refuse_on_worker();
  struct answer {
    detail::mutex mutex;
    condition_variable given;
    bool is_given = false;
  };
  const auto shared =
      std::make_shared<answer>(); // the callback may still be at it when we have gone
  control(wish::fence, key, [shared] {
    const std::lock_guard lock(shared->mutex);
    shared->is_given = true;
    shared->given.notify_all();
  });
  std::unique_lock lock(shared->mutex);
  shared->given.wait(lock, [&] { return shared->is_given; });
}

// ---- the end ----

template <class Core>
void submitter<Core>::end() noexcept {
  core_.ending.store(true, std::memory_order_relaxed); // the alarms order it
  for (auto& p : partitions_)
    p->ring_alarm();
}

template <class Core>
void submitter<Core>::abandon() noexcept {
  core_.callbacks.begin(partitions_.size()); // each answers when it has seen it
  if (core_.abandoned.exchange(true, std::memory_order_relaxed)) { // likewise
    core_.callbacks.end(partitions_.size());
    return;
  }
  for (auto& p : partitions_)
    p->ring_alarm();
}

template <class Core>
bool submitter<Core>::is_finished(partition_type& p, std::uint64_t tickets) noexcept {
  if (p.drained() >= tickets)
    return true;
  p.request_drain(tickets);
  return p.await_drained(tickets);
}

template <class Core>
void submitter<Core>::drain_closed() {
  refuse_on_worker();
  for (auto& p : partitions_) // handlers may still ask for something, and go on doing so
    p->end_at = p->ring.tickets();
  core_.drained.wait([this] {
    bool all = true;
    for (auto& p : partitions_)
      all &= is_finished(*p, p->end_at);
    return all;
  });
}

template <class Core>
bool submitter<Core>::finish_until(clock::time_point deadline) noexcept {
  bool all = false;
  const auto is_over = [&] {
    // In this order: what was scheduled gets a ticket, and what has one may be followed by a
    // callback.
    all = core_.scheduled.none();
    for (auto& p : partitions_) {
      auto end = p->no_end;
      if (all) // relaxed: whoever comes first, no message has a ticket above it
        p->messages_end.compare_exchange_strong(end, p->ring.tickets(), std::memory_order_relaxed);
      end = p->messages_end.load(std::memory_order_relaxed); // likewise
      all &= end != p->no_end && is_finished(*p, end);
    }
    all = all && core_.callbacks.none();
    return all || clock::now() >= deadline;
  };
  core_.drained.wait(is_over, deadline);
  return all;
}

template <class Core>
void submitter<Core>::finish_all() noexcept {
  core_.drained.wait([this] {
    bool all = core_.scheduled.none(); // in this order, as above
    for (auto& p : partitions_)
      all &= is_finished(*p, p->ring.tickets());
    return all && core_.callbacks.none() && core_.late_callbacks.none();
  });
}

} // namespace convoy::detail
