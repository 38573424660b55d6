#pragma once

// A processor that looks at itself: its workers' samples and its partitions' levels, summed up once
// per window by the runtime's timer thread. After a window in which nothing was there
// is none until something comes.
//
// The word armed_: the alarm is set, or the timer thread is about to sum up. Relaxed: who finds it
// set relies on that alarm, which takes the mutexes of what is summed up.

#include "convoy/detail/base/alarm.hpp"
#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/expect.hpp"
#include "convoy/detail/base/function_ref.hpp"
#include "convoy/detail/insight/forecasting.hpp"
#include "convoy/detail/insight/partition_levels.hpp"
#include "convoy/detail/insight/worker_samples.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/explanation.hpp"
#include "convoy/insight.hpp"
#include "convoy/snapshot.hpp"
#include "convoy/source.hpp"
#include "convoy/status.hpp"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace convoy::detail {

/// What is counted whether somebody looks or not. Some tickets carry no message.
struct ticket_counts {
  std::uint64_t tickets = 0, finished = 0;
};

/// Of a processor without insight. Calls `positions`, if it is one.
[[nodiscard]] snapshot counted(const std::string& name, const scheduler& where, const account& is,
                               const std::function<std::vector<source_position>()>& positions);

class insight_base : private alarm {
public:
  /// Throws std::bad_alloc, and as scheduler::add_alarm().
  insight_base(scheduler& where, std::string name, unsigned top, std::chrono::nanoseconds window,
               bool labels_are_hashes, std::size_t partitions);
  insight_base(const insight_base&) = delete;
  insight_base& operator=(const insight_base&) = delete;
  virtual ~insight_base();

  [[nodiscard]] worker_samples& of(const pump& self) noexcept { return workers_[self.number]; }
  /// For what no pump does.
  [[nodiscard]] worker_samples& any_samples() noexcept { return workers_.front(); }
  /// The pump gives a lane back, and with it what a sample refers to.
  void let_go(const pump& self) noexcept {
    auto& samples = of(self);
    samples.let_go();
    expect(!samples.is_timing(), "a sample that refers to a lane that was given back");
  }
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

  /// Any thread; takes a short lock, and calls the positions of the options without one.
  [[nodiscard]] snapshot take() const;

  // ---- recording, one thread at a time; see runtime::record() ----

  void start_recording(std::size_t most); ///< throws std::bad_alloc
  void record_level();                    ///< throws std::bad_alloc
  void stop_recording() noexcept;         ///< twice, if need be
  /// After that. Throws std::bad_alloc.
  void give_recording(std::vector<recording>& to);

  /// Of the last window.
  [[nodiscard]] known_load known() const {
    const std::lock_guard lock(mutex_);
    return load_;
  }

  /// Others are in a member of it, so it can't go.
  [[nodiscard]] bool is_pinned() const noexcept {
    return pins_.load(std::memory_order_acquire) != 0; // (1) acquire: what they did; pairs with (2)
  }
  void pin() noexcept { pins_.fetch_add(1, std::memory_order_relaxed); } // under the list's lock
  void unpin() noexcept {
    pins_.fetch_sub(1, std::memory_order_release); // (2) release: pairs with (1)
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// See runtime::explain(). `key` is a label of the last snapshot, or what a key may be read from.
  [[nodiscard]] std::optional<explanation> explain(std::string_view key, clock::time_point until) {
    auto why = explain_text(key, until);
    if (why && why->state != key_state::idle)
      return why;
    const auto hash = hash_of(key);
    return hash ? explain_hash(*hash, until) : why;
  }

  /// Others may look from now on. Throws std::bad_alloc.
  void start() { scheduler_.attach(*this); }
  /// To be called before what counts() looks at goes, twice if need be. Waits for those who look.
  void stop() noexcept;

private:
  [[nodiscard]] virtual ticket_counts counts() const noexcept = 0;
  [[nodiscard]] virtual snapshot exact_counts() const = 0;
  [[nodiscard]] virtual explanation explain_hash(std::uint64_t hash, clock::time_point until) = 0;
  /// Nothing: it can't be a key.
  [[nodiscard]] virtual std::optional<explanation> explain_text(std::string_view key,
                                                                clock::time_point until) = 0;
  /// Keys at a limit. Surveys partitions that nobody drains, if it is time for that.
  [[nodiscard]] virtual std::size_t look_at_partitions() noexcept = 0;
  /// Surveys all partitions, whenever that was done last. Throws std::bad_alloc.
  virtual void survey_now(clock::time_point until) = 0;

  [[nodiscard]] std::optional<std::uint64_t> hash_of(std::string_view label) const;

  void ring_alarm() noexcept override;
  void start_window(clock::time_point now) noexcept;
  void add_holds(recording& to, std::unordered_map<std::uint64_t, std::uint32_t>& index);
  void tell_survey(snapshot& to, bool is_idle, clock::time_point now,
                   std::unordered_map<std::string, std::uint64_t>& listed,
                   std::unordered_map<std::uint64_t, std::uint32_t>& depths);
  bool sum_up(clock::time_point now);

  scheduler& scheduler_;
  const std::string name_;
  const unsigned top_;
  const std::chrono::nanoseconds window_;
  std::vector<worker_samples> workers_;
  std::vector<partition_levels> levels_;
  atomic<bool> armed_{false};
  atomic<unsigned> pins_{0};
  atomic<std::uint64_t> admission_{0}; // ns, of all submits

  // Of who records.
  std::optional<recording> recording_;
  atomic<std::size_t> may_record_{0}; // so many things more
  std::vector<std::unique_ptr<recorder>> recorders_;

  // The timer thread's.
  std::unique_ptr<window_sums> spare_ = std::make_unique<window_sums>();

  mutable mutex mutex_; // guards what follows
  clock::time_point began_{};
  ticket_counts counted_; // when it began
  std::uint64_t backlog_before_ = 0;
  std::uint64_t admission_before_ = 0;
  clock::time_point ended_{};
  snapshot last_;
  std::unordered_map<std::string, std::uint64_t> listed_; // the labels in its lists
  known_load load_;
};

/// Keeps it from going.
class pinned_insight {
public:
  /// Null: there is none.
  explicit pinned_insight(insight_base* what) noexcept : what_(what) {
    if (what != nullptr)
      what->pin();
  }
  pinned_insight(const pinned_insight&) = delete;
  pinned_insight& operator=(const pinned_insight&) = delete;
  ~pinned_insight() {
    if (what_ != nullptr)
      what_->unpin();
  }
  [[nodiscard]] explicit operator bool() const noexcept { return what_ != nullptr; }
  [[nodiscard]] insight_base* operator->() const noexcept { return what_; }

private:
  insight_base* const what_;
};

/// Keys of which people write down what they are.
template <class Key>
[[nodiscard]] std::optional<Key> key_from([[maybe_unused]] std::string_view text) {
  if constexpr (std::is_same_v<Key, std::string>) {
    return std::string(text);
  } else if constexpr (requires(Key & key) { std::from_chars(nullptr, nullptr, key); }) {
    Key key{};
    const auto* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, key);
    return error == std::errc() && at == end ? std::optional(key) : std::nullopt;
  } else {
    return std::nullopt;
  }
}

inline void partition_levels::begin_visit(clock::time_point now, bool stays, coarse_time since,
                                          std::uint64_t in_ring) noexcept {
  home_->begin_window(now);
  if (waits_since_.load(std::memory_order_relaxed) == 0)                           // only told
    waits_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed); // likewise
  const auto steps = coarse(now) - since;
  if (!stays && in_ring != 0 && !is_before(since, coarse(noted_)) && is_before(since, coarse(now)))
    count_wait(duration_of(steps), in_ring);
}

inline void partition_levels::ask_for_visit() noexcept {
  const auto now = clock::now();
  home_->begin_window(now);
  waits_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed); // only told
}

template <class Core, class Submitter>
class insight_of final : public insight_base {
  using Key = typename Core::key_type;

public:
  insight_of(Core& core, Submitter& all)
      : insight_base(core.scheduler, core.options.name, core.options.insight.top,
                     core.options.insight.window, core.options.insight.label.is_private(),
                     all.partitions().size()),
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
    return counted(core_.options.name, core_.scheduler, all_.account(), core_.options.positions);
  }
  [[nodiscard]] explanation explain_hash(std::uint64_t hash, clock::time_point until) override {
    return all_.explain_hash(hash, until);
  }
  [[nodiscard]] std::optional<explanation> explain_text(std::string_view text,
                                                        clock::time_point until) override {
    const auto key = key_from<Key>(text);
    return key ? std::optional(all_.explain(*key, until)) : std::nullopt;
  }
  void survey_now(clock::time_point until) override { all_.survey(until); }
  [[nodiscard]] std::size_t look_at_partitions() noexcept override {
    std::size_t limited = 0;
    for (const auto& p : all_.partitions()) {
      (void)p->try_in_role([&] { // else its drainer does
        if (p->levels->must_survey(clock::now(), false))
          p->look_at_lanes(false);
      });
      limited += p->limits ? p->limits->limited() : 0;
    }
    return limited;
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
