#pragma once

// C++20's memory, as a machine that is stepped: what a load may read, where a store may go in
// modification order, and who knows of what afterwards ([intro.races], [atomics.order]; seq_cst as
// P0668 has it). The order of the steps is the order of seq_cst operations, except that loads may come
// earlier; and every load comes after the store it reads.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace model {

inline constexpr std::size_t most_threads = 12;

/// The steps of each thread up to which something is known.
struct vector_clock {
  std::array<std::uint32_t, most_threads> steps{};

  void join(const vector_clock& other) noexcept {
    for (std::size_t i = 0; i < most_threads; ++i)
      steps[i] = std::max(steps[i], other.steps[i]);
  }
  [[nodiscard]] bool knows(std::size_t thread, std::uint32_t step) const noexcept {
    return step <= steps[thread];
  }
};

/// What a thread knows, or what a release hands on.
struct view {
  vector_clock before;     // happens before
  vector_clock coherent;   // besides: what fences forbid to be read over
  std::uint64_t fence = 0; // the youngest seq_cst fence that came before
  std::uint64_t order = 0; // the youngest seq_cst operation or fence

  void join(const view& other) noexcept {
    before.join(other.before);
    coherent.join(other.coherent);
    fence = std::max(fence, other.fence);
    order = std::max(order, other.order);
  }
};

inline bool acquires(std::memory_order order) noexcept {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
inline bool releases(std::memory_order order) noexcept {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

class memory {
public:
  struct thread {
    view mine;
    view released;      // by its last release fence
    view acquired;      // by its relaxed loads, for its next acquire fence
    vector_clock light; // what its last light fence came after
    std::unordered_map<std::uint32_t, std::pair<std::uint64_t, int>> stale; // by location
  };

  std::array<thread, most_threads> threads;

  // ---- plain happens-before, for mutexes and the like ----

  std::uint32_t step(std::size_t t) noexcept {
    auto& known = threads[t].mine;
    return known.coherent.steps[t] = ++known.before.steps[t];
  }
  void start(std::size_t parent, std::size_t child) {
    step(parent);
    threads[child] = {};
    threads[child].mine = threads[parent].mine;
    step(parent);
    step(child);
  }
  void acquire(std::size_t t, const view& from) noexcept { threads[t].mine.join(from); }
  /// What comes after it, plain accesses too, is not handed on.
  [[nodiscard]] view release(std::size_t t) noexcept {
    const auto handed_on = threads[t].mine;
    step(t);
    return handed_on;
  }

  // ---- atomics ----

  /// Constructed by a thread at its step; 0: before the run.
  std::uint32_t make(std::size_t by, std::uint32_t at_step, std::uint64_t initial) {
    locations_.emplace_back().push_back(
        record{.value = initial, .number = ++stores_, .by = by, .step = at_step});
    return static_cast<std::uint32_t>(locations_.size() - 1);
  }

  [[nodiscard]] std::size_t size(std::uint32_t at) const { return locations_[at].size(); }
  [[nodiscard]] std::uint64_t value(std::uint32_t at, std::size_t i) const {
    return locations_[at][i].value;
  }

  /// The oldest store that `t` may read or write behind. A seq_cst load may come earlier in their order than
  /// it is executed, as long as nothing makes it later: what happens before it.
  [[nodiscard]] std::size_t oldest(std::uint32_t at, std::size_t t, bool seq_cst,
                                   bool only_reads = false) const {
    const auto& all = locations_[at];
    const auto& known = threads[t].mine;
    const auto no_earlier_than = only_reads ? known.order : order_;
    for (auto i = all.size(); i-- != 1;)
      if (is_known(all[i], known.coherent) || all[i].seq_cst <= known.fence ||
          (seq_cst &&
           (all[i].seq_cst <= no_earlier_than || is_known(all[i], fences_until(no_earlier_than)))))
        return i;
    return 0;
  }
  /// A load may read it again: at some time a thread sees what is there.
  [[nodiscard]] bool is_fresh_enough(std::uint32_t at, std::size_t t, std::size_t i) const {
    const auto& stale = threads[t].stale;
    const auto found = stale.find(at);
    return i + 1 == locations_[at].size() || found == stale.end() ||
           found->second.first != locations_[at][i].number || found->second.second < 1;
  }
  /// Nothing may come between a read-modify-write and what it has read.
  [[nodiscard]] bool may_follow(std::uint32_t at, std::size_t i) const {
    const auto& all = locations_[at];
    return i + 1 == all.size() || !all[i + 1].modifies;
  }
  /// The construction of the atomic happens before this access of it.
  [[nodiscard]] bool is_made(std::uint32_t at, std::size_t t) const {
    const auto& first = locations_[at].front();
    return threads[t].mine.before.knows(first.by, first.step);
  }

  std::uint64_t read(std::uint32_t at, std::size_t t, std::size_t i, std::memory_order order) {
    auto& from = locations_[at][i];
    const auto now = step(t);
    if (from.read_at[t] == 0)
      from.read_at[t] = now;
    auto& me = threads[t];
    if (i + 1 != locations_[at].size()) {
      auto& [number, count] = me.stale[at];
      count = number == from.number ? count + 1 : 0;
      number = from.number;
    }
    if (order == std::memory_order_seq_cst) {
      const auto place = i + 1 == locations_[at].size() ? next_order() : earliest(at, t, i);
      from.seq_cst = std::min(from.seq_cst, place);
      from.last_seq_cst = std::max(from.last_seq_cst, place);
      me.mine.order = std::max(me.mine.order, place);
    }
    (acquires(order) ? me.mine : me.acquired).join(from.handed_on);
    return from.value;
  }

  /// Behind the store `i`. `modifies`: which it has read.
  void write(std::uint32_t at, std::size_t t, std::size_t i, std::uint64_t value, bool modifies,
             std::memory_order order) {
    step(t);
    auto made = store_of(t, value);
    made.modifies = modifies;
    made.handed_on = releases(order) ? threads[t].mine : threads[t].released;
    if (modifies) // goes on a release sequence
      made.handed_on.join(locations_[at][i].handed_on);
    if (order == std::memory_order_seq_cst)
      threads[t].mine.order = made.seq_cst = made.written = made.last_seq_cst = next_order();
    auto& all = locations_[at];
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, made);
    step(t); // what comes after it is not handed on
  }

  void fence(std::size_t t, std::memory_order order) {
    step(t);
    auto& me = threads[t];
    if (acquires(order))
      me.mine.join(me.acquired);
    if (order == std::memory_order_seq_cst) {
      me.mine.coherent.join(fences_until(order_));
      me.mine.fence = me.mine.order = next_order();
      fences_.emplace_back(order_, me.mine.coherent);
    }
    if (releases(order))
      me.released = me.mine;
    step(t); // as in write()
  }

  // P1202: between a light and a heavy fence as between two of seq_cst, two light ones are nothing.
  void fence_light(std::size_t t) {
    step(t);
    auto& me = threads[t];
    me.light = me.mine.coherent;
    me.mine.coherent.join(heavy_);
  }
  void fence_heavy(std::size_t t) {
    fence(t, std::memory_order_seq_cst);
    auto& me = threads[t];
    for (const auto& each : threads)
      me.mine.coherent.join(each.light);
    heavy_.join(me.mine.coherent);
  }

private:
  static constexpr auto never = std::numeric_limits<std::uint64_t>::max();

  struct record {
    std::uint64_t value = 0;
    std::uint64_t number = 0; // it keeps its number when others are inserted before it
    std::size_t by = 0;
    std::uint32_t step = 0;
    bool modifies = false;         // reads the one before it
    std::uint64_t seq_cst = never; // when a seq_cst operation first read or wrote it
    std::uint64_t last_seq_cst = 0;
    std::uint64_t written = 0;                         // by a seq_cst operation
    std::array<std::uint32_t, most_threads> read_at{}; // first, by thread
    view handed_on{};
  };

  /// What the seq_cst fences came after that came so early.
  [[nodiscard]] vector_clock fences_until(std::uint64_t order) const {
    for (auto i = fences_.size(); i-- != 0;)
      if (fences_[i].first <= order)
        return fences_[i].second;
    return {};
  }

  std::uint64_t next_order() noexcept { return order_ += 2; }

  /// In the order of seq_cst operations, for a load that reads `i` though there are newer ones.
  [[nodiscard]] std::uint64_t earliest(std::uint32_t at, std::size_t t, std::size_t i) const {
    auto after = std::max(threads[t].mine.order, locations_[at][i].written);
    for (std::size_t older = 0; older != i; ++older)
      after = std::max(after, locations_[at][older].last_seq_cst);
    return after + 1;
  }

  record store_of(std::size_t t, std::uint64_t value) {
    return {.value = value, .number = ++stores_, .by = t, .step = threads[t].mine.before.steps[t]};
  }

  [[nodiscard]] static bool is_known(const record& s, const vector_clock& to) noexcept {
    if (to.knows(s.by, s.step))
      return true;
    for (std::size_t t = 0; t < most_threads; ++t)
      if (s.read_at[t] != 0 && to.knows(t, s.read_at[t]))
        return true;
    return false;
  }

  std::vector<std::vector<record>> locations_;
  std::uint64_t stores_ = 0;
  std::uint64_t order_ = 0; // of seq_cst operations
  std::vector<std::pair<std::uint64_t, vector_clock>>
      fences_; // and what they came after, each after all before
  vector_clock heavy_;
};

} // namespace model
