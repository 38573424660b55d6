#pragma once

// A processor that looks at itself: its workers' samples and its partitions' levels, summed up once
// per window by the runtime's timer thread. After a window in which nothing was there
// is none until something comes.
//
// The word armed_: the alarm is set, or the timer thread is about to sum up. Relaxed: who finds it
// set relies on that alarm, which takes the mutexes of what is summed up.

#include "convoy/detail/base/alarm.hpp"
#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/function_ref.hpp"
#include "convoy/detail/insight/partition_levels.hpp"
#include "convoy/detail/insight/worker_samples.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/insight.hpp"
#include "convoy/snapshot.hpp"
#include "convoy/status.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace convoy::detail {

/// What is counted whether somebody looks or not. Some tickets carry no message.
struct ticket_counts {
  std::uint64_t tickets = 0, finished = 0;
};

/// Of a processor without insight.
[[nodiscard]] snapshot counted(const std::string& name, const scheduler& where, const account& is);

class insight_base : private alarm {
public:
  /// Throws std::bad_alloc, and as scheduler::add_alarm().
  insight_base(scheduler& where, std::string name, unsigned top, std::chrono::nanoseconds window,
               std::size_t partitions);
  insight_base(const insight_base&) = delete;
  insight_base& operator=(const insight_base&) = delete;
  virtual ~insight_base();

  [[nodiscard]] worker_samples& of(const pump& self) noexcept { return workers_[self.number]; }
  [[nodiscard]] partition_levels& levels(std::size_t partition) noexcept {
    return levels_[partition];
  }

  /// Who runs the lane, which is out.
  [[nodiscard]] std::optional<unsigned> worker_with(const void* lane,
                                                    clock::time_point& since) noexcept;

  /// Who runs a message of the key, if it is timed.
  [[nodiscard]] std::optional<unsigned> worker_with_key(std::uint64_t hash,
                                                        clock::time_point& since) noexcept;

  /// There is something to see. Any thread.
  void begin_window(clock::time_point now) noexcept {
    // relaxed: see above
    if (!armed_.load(std::memory_order_relaxed) &&
        !armed_.exchange(true, std::memory_order_relaxed)) [[unlikely]]
      start_window(now);
  }

  /// A submit has slept.
  void admitted_after(clock::duration time) noexcept {
    const std::chrono::nanoseconds is = time;
    admission_.fetch_add(static_cast<std::uint64_t>(is.count()),
                         std::memory_order_relaxed); // only summed up
  }

  /// Any thread; takes a short lock.
  [[nodiscard]] snapshot take() const;

  /// Others may look from now on. Throws std::bad_alloc.
  void start() { scheduler_.attach(*this); }
  /// To be called before what counts() looks at goes, twice if need be. Waits for those who look.
  void stop() noexcept;

private:
  [[nodiscard]] virtual ticket_counts counts() const noexcept = 0;
  [[nodiscard]] virtual snapshot exact_counts() const = 0;

  void ring_alarm() noexcept override;
  void start_window(clock::time_point now) noexcept;
  bool sum_up(clock::time_point now);

  scheduler& scheduler_;
  const std::string name_;
  const unsigned top_;
  const std::chrono::nanoseconds window_;
  std::vector<worker_samples> workers_;
  std::vector<partition_levels> levels_;
  atomic<bool> armed_{false};
  atomic<std::uint64_t> admission_{0}; // ns, of all submits

  // The timer thread's.
  std::unique_ptr<window_sums> spare_ = std::make_unique<window_sums>();

  mutable mutex mutex_; // guards what follows
  clock::time_point began_{};
  ticket_counts counted_; // when it began
  std::uint64_t backlog_before_ = 0;
  std::uint64_t admission_before_ = 0;
  clock::time_point ended_{};
  snapshot last_;
};

inline void partition_levels::begin_visit(clock::time_point now, bool stays, coarse_time since,
                                          std::uint64_t in_ring) noexcept {
  home_->begin_window(now);
  const auto steps = coarse(now) - since;
  if (!stays && in_ring != 0 && !is_before(since, coarse(noted_)) && is_before(since, coarse(now)))
    count_wait(std::chrono::nanoseconds(std::int64_t{steps} << tuning::coarse_time_bits), in_ring);
}

template <class Core, class Submitter>
class insight_of final : public insight_base {
  using Key = typename Core::key_type;

public:
  insight_of(Core& core, Submitter& all)
      : insight_base(core.scheduler, core.options.name, core.options.insight.top,
                     core.options.insight.window, all.partitions().size()),
        core_(core), all_(all) {}
  ~insight_of() override { stop(); }

private:
  [[nodiscard]] ticket_counts counts() const noexcept override {
    ticket_counts now;
    for (const auto& p : all_.partitions()) {
      now.finished += p->finished();
      now.tickets += p->ring.tickets();
    }
    return now;
  }
  [[nodiscard]] snapshot exact_counts() const override {
    return counted(core_.options.name, core_.scheduler, all_.account());
  }

  Core& core_;
  Submitter& all_;
};

/// Null: none is wanted.
template <class Core, class Submitter>
[[nodiscard]] std::unique_ptr<insight_base> make_insight(Core& core, Submitter& all) {
  if (core.options.insight.top == 0)
    return nullptr;
  auto made = std::make_unique<insight_of<Core, Submitter>>(core, all);
  for (std::size_t i = 0; i < all.partitions().size(); ++i)
    all.partitions()[i]->levels = &made->levels(i);
  return made;
}

} // namespace convoy::detail
