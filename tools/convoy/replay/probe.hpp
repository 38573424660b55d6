#pragma once

// The handler of every strategy: spends the service time of a message, takes its time stamps and
// checks that order, exclusion and conservation hold.
//
// The checks must not hide what they look for. Everything shared is a relaxed load or store: no
// check orders one handler against another, so a strategy that fails to hand a key over properly
// still races on `key_state::handled` under ThreadSanitizer. For the same reason, and for speed,
// there is no atomic read-modify-write; what a torn update of two overlapping handlers could hide,
// the lost update of `handled` shows.

#include "replay/clock.hpp"
#include "replay/replay.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace convoy::tool {

class probe {
public:
  probe(const workload& load, service_kind service, bool keeps_order)
      : load_{load}, service_{service}, keeps_order_{keeps_order}, seen_(load.messages.size()),
        findings_(load.messages.size(), 0), keys_(load.keys.size()) {}

  [[nodiscard]] run_clock& clock() { return clock_; }

  /// Handles message `index`. Called by the workers of a strategy.
  void operator()(std::uint32_t index) {
    const message& m = load_.messages[index];
    stamps& seen = seen_[index];

    const std::int64_t begun = enter(index, m);
    if (seen.begun.load(relaxed) != never || seen.done.load(relaxed) == merged_away)
      findings_[index] |= repeat;
    else
      take_turn(index, m);
    seen.begun.store(begun, relaxed);
    count(m);

    seen.done.store(serve(begun, m), relaxed);
    leave(m);
  }

  /// An attempt at message `index` that fails. It may come again, until a later one of its key has
  /// begun.
  void fail(std::uint32_t index) {
    const message& m = load_.messages[index];
    stamps& seen = seen_[index];

    const std::int64_t begun = enter(index, m);
    take_turn(index, m);
    if (seen.begun.load(relaxed) == never)
      seen.begun.store(begun, relaxed);
    count(m);

    serve(begun, m);
    leave(m);
  }

  /// Message `index` becomes a dead letter: that too has its turn.
  void bury(std::uint32_t index) {
    const message& m = load_.messages[index];
    if (keys_[m.key].runs.load(relaxed))
      findings_[index] |= overlap;
    take_turn(index, m);
  }

  /// Message `waiting` is not handled: `next`, a later one of its key, is what is left of both.
  void merge(std::uint32_t waiting, std::uint32_t next) {
    const message& m = load_.messages[waiting];
    if (m.key != load_.messages[next].key || m.position >= load_.messages[next].position)
      findings_[next] |= violation;
    if (seen_[waiting].begun.load(relaxed) != never || seen_[waiting].done.load(relaxed) != never)
      findings_[next] |= repeat;
    seen_[waiting].done.store(merged_away, relaxed);
  }

  /// About how much of the workload is done, 0 to 1. Looks at a sample, so that the handlers need
  /// no counter. Any thread.
  [[nodiscard]] double progress() const {
    constexpr std::size_t sample = 1000;
    const std::size_t step = seen_.size() / sample + 1;
    std::size_t done = 0, looked = 0;
    for (std::size_t i = step / 2; i < seen_.size(); i += step, ++looked)
      done += seen_[i].done.load(relaxed) != never;
    return looked == 0 ? 1 : static_cast<double>(done) / static_cast<double>(looked);
  }

  /// Writes stamps and findings; `failed` is how often fail() was called. After the strategy has
  /// drained.
  void report_to(run& result, std::uint64_t failed = 0) const {
    std::uint64_t calls = failed; // of each key of the message
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      result.records[i].begun = seen_[i].begun.load(relaxed);
      const std::int64_t done = seen_[i].done.load(relaxed);
      result.records[i].merged = done == merged_away;
      result.records[i].done = done == merged_away ? never : done;
      const bool is_repeated = (findings_[i] & repeat) != 0;
      result.order_violations += (findings_[i] & violation) != 0;
      result.overlaps += (findings_[i] & overlap) != 0;
      result.repeated += is_repeated;
      const std::uint64_t times =
          (result.records[i].done != never ? 1U : 0U) + (is_repeated ? 1U : 0U);
      calls += times * (1 + load_.messages[i].further_count);
    }
    if (!keeps_order_)
      return;
    std::uint64_t updates = 0;
    for (const key_state& key : keys_)
      updates += key.handled;
    if (updates < calls)
      result.overlaps = std::max(result.overlaps, calls - updates);
  }

private:
  static constexpr auto relaxed = std::memory_order_relaxed;
  static constexpr std::int64_t never = -1, merged_away = -2;
  enum finding : std::uint8_t { overlap = 1, violation = 2, repeat = 4 };

  struct stamps {
    std::atomic<std::int64_t> begun{never};
    std::atomic<std::int64_t> done{never};
  };

  struct key_state {
    std::atomic<std::uint32_t> next{0}; ///< position after the latest that began
    std::atomic<bool> runs{false};      ///< a handler of this key is running
    std::uint32_t handled = 0; ///< plain on purpose: what a user's state of this key would be
  };

  std::int64_t enter(std::uint32_t index, const message& m) {
    const std::int64_t begun = clock_.now();
    load_.each_place(m, [&](place p) {
      key_state& key = keys_[p.key];
      if (key.runs.load(relaxed))
        findings_[index] |= overlap;
      key.runs.store(true, relaxed);
    });
    return begun;
  }

  void take_turn(std::uint32_t index, const message& m) {
    load_.each_place(m, [&](place p) {
      key_state& key = keys_[p.key];
      if (p.position + 1 < key.next.load(relaxed))
        findings_[index] |= violation;
      else
        key.next.store(p.position + 1, relaxed);
    });
  }

  void count(const message& m) {
    if (keeps_order_)
      load_.each_place(m, [&](place p) { ++keys_[p.key].handled; });
  }

  void leave(const message& m) {
    load_.each_place(m, [&](place p) { keys_[p.key].runs.store(false, relaxed); });
  }

  /// Returns when the handler left.
  std::int64_t serve(std::int64_t begun, const message& m) const {
    return m.service_ns == 0 ? begun : spend(begun, begun + m.service_ns);
  }

  std::int64_t spend(std::int64_t begun, std::int64_t until) const {
    constexpr std::int64_t timer_grain_ns = 50'000; // what a wake-up is late by, about
    if (service_ == service_kind::sleep ||
        (service_ == service_kind::sleep_long && until - begun > timer_grain_ns))
      clock_.sleep_until(until);
    else
      clock_.spin_until(until);
    return clock_.now();
  }

  const workload& load_;
  service_kind service_;
  bool keeps_order_;
  run_clock clock_;
  std::vector<stamps> seen_;
  std::vector<std::uint8_t> findings_; ///< of each message, bits of `finding`
  std::vector<key_state> keys_;
};

} // namespace convoy::tool
