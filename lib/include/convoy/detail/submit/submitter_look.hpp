#pragma once

// submitter: what others may know of the processor, its account and why a key does not move.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/partition/explain.hpp"
#include "convoy/detail/submit/submitter_control.hpp"
#include "convoy/explanation.hpp"
#include "convoy/status.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace convoy::detail {

template <class Core>
explanation submitter<Core>::explain(const Key& key, clock::time_point until) {
  const auto hash = core_.hash(key);
  auto& p = *partitions_[index_of(hash)];
  const auto short_hash = static_cast<std::uint32_t>(hash);
  explanation why;
  if (p.try_in_role([&] { why = detail::explain(core_, p, key, short_hash); }))
    return why;
  auto request =
      std::make_unique<explain_request<Core>>(core_, key, static_cast<std::uint32_t>(hash));
  const auto result = request->result;
  p.post(std::move(request));
  if (auto is = result->await(until))
    return *std::move(is);
  why.state = key_state::no_worker;
  if (core_.insight != nullptr) { // it may be one of those that hold them up
    clock::time_point begun{};
    why.worker = core_.insight->worker_with_key(core_.scattered_hash(key), begun);
    if (why.worker) {
      why.state = key_state::running;
      why.since = begun;
    }
  }
  return why;
}

template <class Core>
void submitter<Core>::explain(const Key& key, std::function<void(const explanation&)> then) {
  if (core_.is_last_callback())
    return;
  const auto hash = core_.hash(key);
  auto request =
      std::make_unique<explain_request<Core>>(core_, key, static_cast<std::uint32_t>(hash));
  request->then = make_callback([then = std::move(then), result = request->result] {
    then(*result->await(clock::time_point{})); // it is there
  });
  partitions_[index_of(hash)]->post(std::move(request));
}

template <class Core>
account submitter<Core>::account() const noexcept {
  const std::lock_guard lock(accounting_);
  std::uint64_t finished = 0;
  for (const auto& p : partitions_)
    finished += p->finished();
  const auto dead = core_.failures.buried();
  const auto refused = core_.failures.discarded();
  // (1) acquire: that they were accepted; pairs with (1) in maintenance.hpp
  const auto cancelled = core_.cancelled.load(std::memory_order_acquire);
  // A dead letter counts before its message does as finished, so this may be too low, and go back.
  completed_ = std::max(completed_, finished - std::min(finished, dead + refused));
  // After all that: whatever is finished is seen to be accepted.
  auto accepted = core_.put_off.load(std::memory_order_relaxed) +   // see above
                  core_.put_before.load(std::memory_order_relaxed); // likewise
  for (const auto& p : partitions_)
    accepted += p->ring.messages();
  return {.accepted = accepted,
          .completed = completed_,
          .dead_letters = dead,
          .discarded = refused + cancelled};
}

} // namespace convoy::detail
