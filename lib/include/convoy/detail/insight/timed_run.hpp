#pragma once

// Messages of one key that are handled in a row, as insight sees them: timed, or only counted. With
// insight off it is a test of one pointer.

#include "convoy/detail/ds/ready_queue.hpp"
#include "convoy/detail/insight/worker_samples.hpp"
#include "convoy/detail/sched/scheduler.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace convoy::detail {

/// Who a key is, and how it is called: not at all, if it is private.
template <class Core>
[[nodiscard]] std::pair<std::uint64_t, std::string>
called(Core& core, const typename Core::key_type& key) noexcept {
  std::pair<std::uint64_t, std::string> who{0, {}};
  try {
    who.first = core.scattered_hash(key);
    if (const auto& of = core.options.insight.label; !of.is_private())
      who.second = short_label(of(key), who.first);
  } catch (...) { // it is counted with others of the kind, or has none
  }
  return who;
}

/// `came`: the first message, on the clock of coarse().
template <class Core>
void begin_sample(Core& core, worker_samples& samples, const typename Core::key_type& key,
                  coarse_time came, const atomic<std::uint32_t>& unfinished,
                  unsigned attempts = 0) noexcept {
  auto [hash, label] = called(core, key);
  const auto now = clock::now();
  const auto steps = coarse(now) - came; // less than half of what there is, or it came later
  const auto waited =
      is_before(came, coarse(now)) ? duration_of(steps) : std::chrono::nanoseconds(0);
  samples.begin(hash, now, now - waited, std::move(label), &unfinished, attempts);
}

template <class Core>
class timed_run {
  using lane_type = typename Core::lane_type;

public:
  /// At most so many messages of the lane.
  timed_run(Core& core, lane_type& lane, const pump& self, std::uint32_t most) noexcept {
    if (core.insight != nullptr) [[unlikely]]
      begin(core, lane, self, most);
  }
  timed_run(const timed_run&) = delete;
  timed_run& operator=(const timed_run&) = delete;
  ~timed_run() {
    if (counts_ != nullptr) [[unlikely]] // another pump has the partition
      counts_->runs(nullptr);
  }

  /// The lane is still the caller's, and has finished so many of them, or will have: a joint message.
  void end(const lane_type& lane, std::uint32_t done) noexcept {
    if (counts_ != nullptr) [[unlikely]]
      end_counted(lane, done);
  }

private:
  [[gnu::noinline]] void begin(Core& core, lane_type& lane, const pump& self,
                               std::uint32_t most) noexcept {
    if (most == 0)
      return;
    counts_ = &core.insight->of(self);
    counts_->runs(&lane);
    if (!counts_->must_time(most))
      return;
    is_timed_ = true;
    begin_sample(core, *counts_, lane.key(), lane.first_came(), lane.whole().unsettled.value(),
                 lane.hold == nullptr ? 0 : lane.hold->attempts);
  }
  [[gnu::noinline]] void end_counted(const lane_type& lane, std::uint32_t done) noexcept {
    const std::uint32_t unsettled = lane.whole().unsettled;
    if (is_timed_)
      counts_->end(clock::now(), done,
                   unsettled - std::min(unsettled, std::max(lane.finished, done)));
    else
      counts_->pass(done);
    counts_->runs(nullptr);
    counts_ = nullptr;
  }

  worker_samples* counts_ = nullptr; // null: no insight
  bool is_timed_ = false;
};

} // namespace convoy::detail
