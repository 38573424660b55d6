#pragma once

// C++20's memory, as a machine that is stepped: what a load may read, where a store may go in
// modification order, and who knows of what afterwards ([intro.races], [atomics.order]). Every load comes
// after the store it reads, and seq_cst fences have the order in which they are executed.

#include "seq_cst.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace model {

/// What a thread knows, or what a release hands on.
struct view {
  vector_clock before;   // happens before
  vector_clock coherent; // besides: what fences forbid to be read over
  std::size_t fence = 0; // how many seq_cst fences, up to the youngest that came before

  void join(const view& other) noexcept {
    before.join(other.before);
    coherent.join(other.coherent);
    fence = std::max(fence, other.fence);
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
    std::unordered_map<std::uint32_t, std::pair<std::uint64_t, unsigned>> stale; // by location
  };

  std::array<thread, most_threads> threads;

  /// A thread reads a store that is not the newest so often in a row, then it sees another.
  unsigned most_stale_reads = 2;

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
    locations_.emplace_back().stores.push_back(
        record{.value = initial, .number = ++stores_, .by = by, .step = at_step});
    return static_cast<std::uint32_t>(locations_.size() - 1);
  }

  [[nodiscard]] std::uint64_t value(std::uint32_t at, std::size_t i) const {
    return locations_[at].stores[i].value;
  }
  [[nodiscard]] std::size_t newest(std::uint32_t at) const {
    return locations_[at].stores.size() - 1;
  }
  /// What coherence leaves to `t`.
  [[nodiscard]] std::size_t oldest(std::uint32_t at, std::size_t t) const {
    return last_known(locations_[at].stores, threads[t].mine.coherent).value_or(0);
  }
  [[nodiscard]] bool may_read(std::uint32_t at, std::size_t t, std::size_t i,
                              std::memory_order order) const {
    return is_fresh_enough(at, t, i) && fits(at, t, i, order, false);
  }
  /// Nothing may come between a read-modify-write and what it has read.
  [[nodiscard]] bool may_follow(std::uint32_t at, std::size_t t, std::size_t i,
                                std::memory_order order) const {
    return i == newest(at) ||
           (!locations_[at].stores[i + 1].modifies && fits(at, t, i, order, true));
  }
  /// The construction of the atomic happens before this access of it.
  [[nodiscard]] bool is_made(std::uint32_t at, std::size_t t) const {
    const auto& first = locations_[at].stores.front();
    return threads[t].mine.before.knows(first.by, first.step);
  }

  std::uint64_t read(std::uint32_t at, std::size_t t, std::size_t i, std::memory_order order) {
    const auto before = threads[t].mine.before;
    const auto now = step(t);
    if (const auto placed = place_access(at, t, i, order, false, before, now))
      locations_[at].stores[i].seq_cst_reads.push_back(*placed);
    return take(at, t, i, order, now);
  }

  /// Behind the store `i`.
  void write(std::uint32_t at, std::size_t t, std::size_t i, std::uint64_t value,
             std::memory_order order) {
    const auto before = threads[t].mine.before;
    put(at, t, i, value, order, before, false);
  }

  void modify(std::uint32_t at, std::size_t t, std::size_t i, std::uint64_t value,
              std::memory_order order) {
    const auto before = threads[t].mine.before;
    (void)take(at, t, i, order, step(t));
    put(at, t, i, value, order, before, true);
  }

  void fence(std::size_t t, std::memory_order order) {
    auto& me = threads[t];
    auto earlier = order_.up_to(me.mine.before);
    step(t);
    if (acquires(order))
      me.mine.join(me.acquired);
    if (order == std::memory_order_seq_cst) {
      if (!fences_.empty()) {
        me.mine.coherent.join(fences_.back().came_after);
        earlier.join(order_.up_to(fences_.back().at));
      }
      for (const auto each : with_seq_cst_)
        if (const auto last = last_known(locations_[each].stores, me.mine.coherent))
          earlier.join(earlier_than_access(each, *last, false));
      fences_.push_back({order_.add(t, me.mine.before.steps[t], earlier), me.mine.coherent});
      me.mine.fence = fences_.size();
    }
    if (releases(order))
      me.released = me.mine;
    step(t); // what comes after it is not handed on
  }

  // P1202, for what may be read: between a light and a heavy fence as between two of seq_cst, two light
  // ones are nothing. (They synchronise nobody, so what relies on that is found to race.)
  void fence_light(std::size_t t) {
    step(t);
    auto& me = threads[t];
    me.light = me.mine.coherent;
    me.mine.coherent.join(heavy_);
  }
  void fence_heavy(std::size_t t) {
    auto& mine = threads[t].mine;
    for (const auto& each : threads)
      mine.coherent.join(each.light);
    fence(t, std::memory_order_seq_cst);
    heavy_.join(mine.coherent);
  }

private:
  using place = seq_cst_order::place;
  using front = seq_cst_order::front;

  struct record { // of a store
    std::uint64_t value = 0;
    std::uint64_t number = 0; // it keeps its number when others are inserted before it
    std::size_t by = 0;
    std::uint32_t step = 0;
    bool modifies = false;                             // reads the one before it
    std::array<std::uint32_t, most_threads> read_at{}; // first, by thread
    view handed_on{};
    std::optional<place> seq_cst{};
    std::vector<place> seq_cst_reads{};
    std::size_t fence_of_write = 0, fence_of_reads = 0; // the youngest that happens before
  };
  struct location {
    std::vector<record> stores;
    bool has_seq_cst = false;
  };
  struct seq_cst_fence {
    place at;
    vector_clock came_after; // it, and all fences before it
  };

  [[nodiscard]] static bool is_known(const record& s, const vector_clock& to) noexcept {
    if (to.knows(s.by, s.step))
      return true;
    for (std::size_t t = 0; t < most_threads; ++t)
      if (s.read_at[t] != 0 && to.knows(t, s.read_at[t]))
        return true;
    return false;
  }
  [[nodiscard]] static std::optional<std::size_t> last_known(const std::vector<record>& all,
                                                             const vector_clock& to) {
    for (auto i = all.size(); i-- != 0;)
      if (is_known(all[i], to))
        return i;
    return std::nullopt;
  }

  /// At some time a thread sees what is there.
  [[nodiscard]] bool is_fresh_enough(std::uint32_t at, std::size_t t, std::size_t i) const {
    const auto& stale = threads[t].stale;
    const auto found = stale.find(at);
    return i == newest(at) || found == stale.end() ||
           found->second.first != locations_[at].stores[i].number ||
           found->second.second < most_stale_reads;
  }

  // ---- the order of seq_cst: an access comes after what is before it in the modification order of
  // its location, and before what is behind. So do fences that happen before or after an access ----

  /// What comes before an access of `i`: a load, or a store behind it. A seq_cst store comes after all before it.
  [[nodiscard]] front earlier_than_access(std::uint32_t at, std::size_t i, bool writes) const {
    const auto& all = locations_[at].stores;
    front earlier;
    std::size_t fence = 0;
    for (auto j = i + 1; j-- != 0;) {
      if (j != i || writes) {
        for (const auto& each : all[j].seq_cst_reads)
          earlier.join(order_.up_to(each));
        fence = std::max(fence, all[j].fence_of_reads);
      }
      fence = std::max(fence, all[j].fence_of_write);
      if (all[j].seq_cst) {
        earlier.join(order_.up_to(*all[j].seq_cst));
        break;
      }
    }
    if (fence != 0)
      earlier.join(order_.up_to(fences_[fence - 1].at));
    return earlier;
  }

  /// Calls function(place) for what comes after an access of `i`; of the fences, only for seq_cst.
  template <class Function>
  void each_later_than_access(std::uint32_t at, std::size_t i, bool seq_cst,
                              Function&& function) const {
    const auto& all = locations_[at].stores;
    for (auto j = i + 1; j < all.size(); ++j) {
      if (seq_cst) {
        const auto after = std::ranges::partition_point(
            fences_, [&](const auto& each) { return !is_known(all[j], each.came_after); });
        if (after != fences_.end())
          function(after->at);
      }
      if (all[j].seq_cst) {
        function(*all[j].seq_cst);
        return;
      }
      for (const auto& each : all[j].seq_cst_reads)
        function(each);
    }
  }

  [[nodiscard]] bool fits(std::uint32_t at, std::size_t t, std::size_t i, std::memory_order order,
                          bool writes) const {
    if (i == newest(at))
      return true;
    const auto& me = threads[t].mine;
    front earlier;
    bool all_may = true;
    const auto look = [&](const place& later) {
      all_may &= seq_cst_order::may_precede(earlier, later);
    };
    if (me.fence != 0) {
      earlier = order_.up_to(fences_[me.fence - 1].at);
      each_later_than_access(at, i, false, look);
    }
    if (order == std::memory_order_seq_cst) {
      earlier = order_.up_to(me.before);
      earlier.join(earlier_than_access(at, i, writes));
      each_later_than_access(at, i, true, look);
    }
    return all_may;
  }

  /// Puts into order what fits(). Its own place, if it has one.
  std::optional<place> place_access(std::uint32_t at, std::size_t t, std::size_t i,
                                    std::memory_order order, bool writes,
                                    const vector_clock& before, std::uint32_t step) {
    const auto fence = threads[t].mine.fence;
    if (fence != 0) {
      const auto earlier = order_.up_to(fences_[fence - 1].at);
      each_later_than_access(at, i, false,
                             [&](const place& later) { order_.put_before(earlier, later); });
    }
    if (order != std::memory_order_seq_cst)
      return std::nullopt;
    if (!std::exchange(locations_[at].has_seq_cst, true))
      with_seq_cst_.push_back(at);
    auto earlier = order_.up_to(before);
    earlier.join(earlier_than_access(at, i, writes));
    const auto placed = order_.add(t, step, earlier);
    earlier = order_.up_to(placed);
    each_later_than_access(at, i, true,
                           [&](const place& later) { order_.put_before(earlier, later); });
    return placed;
  }

  std::uint64_t take(std::uint32_t at, std::size_t t, std::size_t i, std::memory_order order,
                     std::uint32_t now) {
    auto& from = locations_[at].stores[i];
    auto& me = threads[t];
    if (from.read_at[t] == 0)
      from.read_at[t] = now;
    from.fence_of_reads = std::max(from.fence_of_reads, me.mine.fence);
    if (i != newest(at)) {
      auto& [number, count] = me.stale[at];
      count = number == from.number ? count + 1 : 1;
      number = from.number;
    }
    (acquires(order) ? me.mine : me.acquired).join(from.handed_on);
    return from.value;
  }

  void put(std::uint32_t at, std::size_t t, std::size_t i, std::uint64_t value,
           std::memory_order order, const vector_clock& before, bool modifies) {
    auto& me = threads[t];
    const auto now = step(t);
    // Whoever synchronises with the store itself knows what came before it; of its place in the
    // order only who synchronises with what its thread does next (strongly happens before).
    const auto placed = place_access(at, t, i, order, true, before, now + 1);
    record made{.value = value, .number = ++stores_, .by = t, .step = now, .modifies = modifies};
    made.handed_on = releases(order) ? me.mine : me.released;
    auto& all = locations_[at].stores;
    if (modifies) // goes on a release sequence
      made.handed_on.join(all[i].handed_on);
    made.seq_cst = placed;
    made.fence_of_write = me.mine.fence;
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(made));
    step(t); // what comes after it is not handed on
  }

  std::vector<location> locations_;
  std::vector<std::uint32_t> with_seq_cst_; // locations
  std::uint64_t stores_ = 0;
  seq_cst_order order_;
  std::vector<seq_cst_fence> fences_;
  vector_clock heavy_;
};

} // namespace model
