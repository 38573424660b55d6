#pragma once

// What is asked of each message before it gets a ticket, for processors that limit keys: how many
// of its key are unfinished, how many the key may submit by now, whether its id has been there. One
// per partition; costs producers two short locks per message, which those without limits do not
// pay.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/key_table.hpp"
#include "convoy/detail/ds/node_pool.hpp"
#include "convoy/detail/shared/core.hpp"
#include "convoy/detail/shared/seen_ids.hpp"
#include "convoy/options.hpp"
#include "convoy/status.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace convoy::detail {

template <class Core>
class key_limits {
  using Key = typename Core::key_type;
  using Message = typename Core::message_type;
  using Hash = typename Core::hash_type;
  using Equal = typename Core::equal_type;

public:
  using id = typename id_type<Message>::type;

  template <class Options>
  static bool is_needed(const Options& wanted) noexcept {
    return wanted.key_capacity != 0 || std::isfinite(wanted.rate.per_second) ||
           wanted.duplicates.has_value();
  }

  template <class Options>
  key_limits(const Options& wanted, Hash hash, Equal equal)
      : most_(wanted.key_capacity != 0 ? wanted.key_capacity
                                       : std::numeric_limits<std::size_t>::max()),
        rate_(wanted.rate), has_rate_(std::isfinite(wanted.rate.per_second)),
        has_ids_(wanted.duplicates.has_value()), has_insight_(wanted.insight.top != 0),
        duplicates_(wanted.duplicates.value_or(duplicates{})), hash_(std::move(hash)),
        keys_(std::move(equal)) {}
  key_limits(const key_limits&) = delete;
  key_limits& operator=(const key_limits&) = delete;
  ~key_limits() {
    keys_.drain([this](entry& each) { entries_.give_back(each); });
  }

  // ---- any thread ----

  /// A first look, so that few tickets are void. `again`: see add().
  template <class Source>
  [[nodiscard]] submit_status look(const Key& key, const Source& source, bool again) {
    const std::lock_guard lock(mutex_);
    auto* const e = find(key);
    if (e == nullptr)
      return submit_status::accepted;
    if (has_ids_ && !again) {
      forget_old(*e, clock::now());
      if (const std::optional<id> mine = id_of(source); mine && ids_.find(e->ids, *mine) != nullptr)
        return submit_status::duplicate;
    }
    if (e->count >= most_)
      return submit_status::key_full;
    if (!has_rate_ || again || tokens(*e, clock::now()) >= 1)
      return submit_status::accepted;
    note_refused(*e);
    return submit_status::key_rate;
  }

  /// When a key that was refused for its rate may submit again.
  [[nodiscard]] clock::duration until_room(const Key& key) {
    const std::lock_guard lock(mutex_);
    auto* const e = find(key);
    if (e == nullptr || !has_rate_)
      return clock::duration(0);
    const auto missing = 1 - tokens(*e, clock::now());
    return missing <= 0 ? clock::duration(0) : seconds(missing / rate_.per_second);
  }

  /// Calls construct(), which makes the message, and counts it; or says why not. Its exceptions,
  /// and those of copying and allocating, leave everything as it was. Who finds its id here in
  /// between waits, so an id is never taken by a message that is not accepted in the end. `again`:
  /// a message that was accepted before, so only its place counts.
  template <class Source, class Construct>
  [[nodiscard]] submit_status add(const Key& key, const Source& source, bool again,
                                  Construct&& construct) {
    const std::lock_guard lock(mutex_);
    const auto now = clock::now();
    auto& e = find_or_make(key, now);
    if (e.count >= most_)
      return submit_status::key_full;
    if (!again && has_rate_ && tokens(e, now) < 1) {
      note_refused(e);
      return submit_status::key_rate;
    }
    id_node* remembered = nullptr;
    try {
      std::optional<id> mine;
      if (!again && has_ids_)
        mine = id_of(source);
      if (mine) {
        forget_old(e, now);
        if (ids_.find(e.ids, *mine) != nullptr)
          return submit_status::duplicate;
        remembered = &ids_.add(e.ids, *mine, now);
      }
      if (mine || has_rate_)
        plan_look(e, now);
      construct();
    } catch (...) {
      if (remembered != nullptr)
        ids_.erase(*remembered);
      erase_if_idle(e);
      throw;
    }
    if (e.ids.size > duplicates_.most)
      ids_.erase(*e.ids.oldest);
    set_count(e, e.count + 1);
    if (!again && has_rate_)
      e.tokens -= 1;
    return submit_status::accepted;
  }

  /// So many messages that were accepted before come back: all or none. Throws as add().
  [[nodiscard]] submit_status add_more(const Key& key, std::size_t count) {
    const std::lock_guard lock(mutex_);
    auto& e = find_or_make(key, clock::now());
    if (count > most_ - e.count) {
      erase_if_idle(e);
      return submit_status::key_full;
    }
    set_count(e, e.count + count);
    return submit_status::accepted;
  }

  void remove(const Key& key, std::size_t count) noexcept {
    if (count == 0)
      return;
    const std::lock_guard lock(mutex_);
    auto& e = *find(key);
    set_count(e, e.count - count);
    erase_if_idle(e);
  }

  /// A message that was accepted is taken back.
  void take_back(const Key& key, const Message& message) noexcept {
    if (has_ids_)
      forget(key, message);
    remove(key, 1);
  }

  // ---- insight, any thread ----

  struct limits_of_key {
    bool is_full = false;
    clock::duration until_room{0}; ///< its rate is used up until then
  };
  [[nodiscard]] limits_of_key explain(const Key& key) {
    const auto wait = until_room(key);
    const std::lock_guard lock(mutex_);
    const auto* const e = find(key);
    return {e != nullptr && e->count >= most_, wait};
  }

  /// Keys that can't submit: at their capacity, or refused for their rate, which is used up still.
  [[nodiscard]] std::size_t limited() noexcept {
    const std::lock_guard lock(mutex_);
    forget_refused();
    return full_ + refused_.size();
  }

  // ---- the drainer ----

  /// Forgets what is old. Returns when to call this next; time_point::max(): nothing is kept.
  [[nodiscard]] clock::time_point sweep(clock::time_point now) noexcept {
    const std::lock_guard lock(mutex_);
    while (first_look_ != nullptr && first_look_->look_at <= now) {
      auto& e = *std::exchange(first_look_, first_look_->next_look);
      e.will_look = false;
      forget_old(e, now);
      if (has_rate_)
        (void)tokens(e, clock::now());
      if (e.ids.oldest != nullptr ||
          (has_rate_ && e.tokens < rate_.burst)) // else remove() erases it
        plan_look(e, now);
      erase_if_idle(e);
    }
    return first_look_ == nullptr ? clock::time_point::max() : first_look_->look_at;
  }

  [[nodiscard]] bool must_sweep() const noexcept { return has_rate_ || has_ids_; }

  /// Keys of which anything is known.
  [[nodiscard]] std::size_t size() noexcept {
    const std::lock_guard lock(mutex_);
    return keys_.size();
  }

  /// As a pool's; a hint.
  [[nodiscard]] bool has_spares() const noexcept {
    return has_spares_.load(std::memory_order_relaxed); // a hint
  }
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    const std::lock_guard lock(mutex_);
    trimmed_keys_ = trimmed_keys_ || entries_.trim(most); // once, it looks back to the last time
    const bool all = trimmed_keys_ && ids_.trim(most);
    if (all) {
      trimmed_keys_ = false;
      keys_.trim();
    }
    note_spares();
    return all;
  }

private:
  using id_node = typename seen_ids<id>::node;

  /// What is known of a key.
  struct entry {
    entry(const Key& its_key, std::uint32_t its_hash, clock::time_point now, double all_tokens)
        : hash(its_hash), key(its_key), filled(now), tokens(all_tokens) {}

    const std::uint32_t hash;
    bool will_look = false;   // it is in the list of looks
    bool was_refused = false; // and in refused_
    entry* next = nullptr;    // in its bucket
    const Key key;
    std::size_t count = 0; // unfinished messages
    clock::time_point filled;
    double tokens; // at that time
    typename seen_ids<id>::list ids;
    entry* next_look = nullptr;
    clock::time_point look_at{};
  };

  static clock::duration seconds(double s) noexcept {
    constexpr std::chrono::nanoseconds year = std::chrono::hours(24 * 365); // no overflow
    return std::min<std::chrono::nanoseconds>(time_span(std::chrono::duration<double>(s)), year);
  }

  template <class Source>
  static std::optional<id> id_of(const Source& source) {
    if constexpr (has_id<Message> && std::is_convertible_v<const Source&, const Message&>)
      return message_traits<Message>::id(source);
    else
      return std::nullopt;
  }

  // ---- keys ----

  [[nodiscard]] std::uint32_t hash(const Key& key) const {
    return static_cast<std::uint32_t>(spread(static_cast<std::uint64_t>(hash_(key))));
  }
  [[nodiscard]] entry* find(const Key& key) const { return keys_.find(key, hash(key)); }

  [[nodiscard]] entry& find_or_make(const Key& key, clock::time_point now) {
    const auto its_hash = hash(key);
    if (auto* const found = keys_.find(key, its_hash))
      return *found;
    auto* const made = entries_.make(key, its_hash, now, rate_.burst);
    if (made == nullptr)
      throw std::bad_alloc();
    keys_.insert(*made);
    return *made;
  }

  bool is_idle(entry& e) const noexcept {
    return e.count == 0 && e.ids.oldest == nullptr &&
           (!has_rate_ || tokens(e, clock::now()) >= rate_.burst);
  }

  void erase_if_idle(entry& e) noexcept {
    if (e.will_look || e.was_refused || !is_idle(e))
      return;
    keys_.erase(e);
    entries_.give_back(e);
    note_spares();
  }

  void set_count(entry& e, std::size_t count) noexcept {
    if (has_insight_) [[unlikely]] {
      full_ -= e.count >= most_;
      full_ += count >= most_;
    }
    e.count = count;
  }

  /// For its rate.
  void note_refused(entry& e) noexcept {
    if (!has_insight_ || e.was_refused)
      return;
    try {
      refused_.push_back(&e);
      e.was_refused = true;
    } catch (...) { // no memory: it is not counted. NOLINT(bugprone-empty-catch)
    }
  }
  /// Those that may submit again, or are counted as full.
  void forget_refused() noexcept {
    const auto now = clock::now();
    std::erase_if(refused_, [&](entry* each) {
      if (each->count < most_ && tokens(*each, now) < 1)
        return false;
      each->was_refused = false;
      erase_if_idle(*each);
      return true;
    });
  }

  void note_spares() noexcept {
    const bool now = entries_.has_spares() || keys_.has_spares() || ids_.has_spares();
    if (now != has_spares())
      has_spares_.store(now, std::memory_order_relaxed); // a hint
  }

  double tokens(entry& e, clock::time_point now) const noexcept {
    const std::chrono::duration<double> since = now - e.filled;
    e.tokens = std::min(rate_.burst, e.tokens + since.count() * rate_.per_second);
    e.filled = now;
    return e.tokens;
  }

  /// Ids, and a rate's use, are forgotten when they are old, though the key may not come again. All
  /// looks come equally late, so they are in order.
  void plan_look(entry& e, clock::time_point now) noexcept {
    if (e.will_look)
      return;
    clock::duration after = tuning::soonest_key_look;
    if (has_ids_)
      after = std::max<clock::duration>(after, duplicates_.window);
    if (has_rate_)
      after = std::max<clock::duration>(after, seconds(rate_.burst / rate_.per_second));
    e.look_at = now + std::min<clock::duration>(after, std::chrono::hours(24 * 365));
    e.next_look = nullptr;
    (first_look_ == nullptr ? first_look_ : last_look_->next_look) = &e;
    last_look_ = &e;
    e.will_look = true;
  }

  // ---- ids ----

  void forget_old(entry& e, clock::time_point now) noexcept {
    while (e.ids.oldest != nullptr && now - e.ids.oldest->when >= duplicates_.window)
      ids_.erase(*e.ids.oldest);
  }

  void forget(const Key& key, const Message& message) noexcept try {
    const std::optional<id> mine = id_of(message);
    const std::lock_guard lock(mutex_);
    auto* const e = find(key);
    if (auto* const found = mine && e != nullptr ? ids_.find(e->ids, *mine) : nullptr)
      ids_.erase(*found);
  } catch (...) { // what hashing throws: it is forgotten in time. NOLINT(bugprone-empty-catch)
  }

  const std::size_t most_;
  const key_rate rate_;
  const bool has_rate_;
  const bool has_ids_;
  const bool has_insight_;
  const duplicates duplicates_;
  [[no_unique_address]] const Hash hash_;
  mutex mutex_;
  node_pool<entry> entries_;
  key_table<entry, Equal> keys_;
  seen_ids<id> ids_;
  std::size_t full_ = 0;        // keys at their capacity
  std::vector<entry*> refused_; // lately, for their rate
  entry* first_look_ = nullptr; // in the order of look_at
  entry* last_look_ = nullptr;
  bool trimmed_keys_ = false; // and the ids not yet
  atomic<bool> has_spares_{false};
};

} // namespace convoy::detail
