#pragma once

// What is asked of each message before it gets a ticket, for processors that limit keys: how many of
// its key are unfinished, how many the key may submit by now, whether its id has been there. One per
// partition; costs producers a short lock per message, which those without limits do not pay.

#include "convoy/detail/atomic.hpp"
#include "convoy/options.hpp"
#include "convoy/status.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace convoy::detail {

template <class Key, class Message, class Hash, class Equal>
class admission {
public:
  using id = typename id_type<Message>::type;

  template <class Options>
  static bool is_needed(const Options& wanted) noexcept {
    return wanted.key_capacity != 0 || std::isfinite(wanted.rate.per_second) ||
           wanted.duplicates.has_value() || wanted.max_parked != 0;
  }

  template <class Options>
  admission(const Options& wanted, Hash hash, Equal equal)
      : most_(wanted.key_capacity != 0 ? wanted.key_capacity
                                       : std::numeric_limits<std::size_t>::max()),
        rate_(wanted.rate), has_rate_(std::isfinite(wanted.rate.per_second)),
        duplicates_(wanted.duplicates.value_or(duplicates{})),
        refuses_duplicates_(wanted.duplicates && duplicates_.then == on_duplicate::refuse),
        keys_(0, std::move(hash), std::move(equal)) {}

  // ---- any thread ----

  /// A first look, so that nobody takes a ticket in vain. `again`: see add(). `full_of_parked`: no more
  /// lanes may park.
  template <class Source>
  [[nodiscard]] submit_status look(const Key& key, const Source& source, bool again,
                                   bool full_of_parked) {
    const std::lock_guard lock(mutex_);
    const auto at = keys_.find(key);
    if (at == keys_.end())
      return submit_status::accepted;
    auto& e = at->second;
    if (full_of_parked && e.parked)
      return submit_status::key_parked;
    if (refuses_duplicates_ && !again) {
      forget_old(e, clock::now());
      if (const std::optional<id> mine = id_of(source); mine && e.seen.contains(*mine))
        return submit_status::duplicate;
    }
    if (e.count >= most_)
      return submit_status::key_full;
    return has_rate_ && !again && tokens(e, clock::now()) < 1 ? submit_status::key_rate
                                                              : submit_status::accepted;
  }

  /// When a key that was refused for its rate may submit again.
  [[nodiscard]] clock::duration until_room(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto at = keys_.find(key);
    if (at == keys_.end() || !has_rate_)
      return clock::duration(0);
    const auto missing = 1 - tokens(at->second, clock::now());
    return missing <= 0 ? clock::duration(0) : seconds(missing / rate_.per_second);
  }

  /// Calls construct(), which makes the message, and counts it; or says why not. Its exceptions, and
  /// those of copying and allocating, leave everything as it was. Who finds its id here in between
  /// waits, so an id is never taken by a message that is not accepted in the end. `again`: a message
  /// that was accepted before, so only its place counts.
  template <class Source, class Construct>
  [[nodiscard]] submit_status add(const Key& key, const Source& source, bool again,
                                  Construct&& construct) {
    const std::lock_guard lock(mutex_);
    const auto now = clock::now();
    auto& e = keys_.try_emplace(key, entry{.filled = now, .tokens = rate_.burst}).first->second;
    if (e.count >= most_)
      return submit_status::key_full;
    if (!again && has_rate_ && tokens(e, now) < 1)
      return submit_status::key_rate;
    bool remembered = false;
    try {
      std::optional<id> mine;
      if (!again && refuses_duplicates_)
        mine = id_of(source);
      if (mine) {
        forget_old(e, now);
        if (e.seen.contains(*mine))
          return submit_status::duplicate;
      }
      if (mine)
        remembered = remember(key, e, *mine, now);
      else if (has_rate_)
        plan_look(key, e, now);
      construct();
    } catch (...) {
      if (remembered)
        forget_youngest(e);
      erase_if_idle(keys_.find(key));
      throw;
    }
    ++e.count;
    if (!again && has_rate_)
      e.tokens -= 1;
    return submit_status::accepted;
  }

  /// So many messages that were accepted before come back: all or none. Throws as add().
  [[nodiscard]] submit_status add_more(const Key& key, std::size_t count) {
    const std::lock_guard lock(mutex_);
    auto& e =
        keys_.try_emplace(key, entry{.filled = clock::now(), .tokens = rate_.burst}).first->second;
    if (count > most_ - e.count) {
      erase_if_idle(keys_.find(key));
      return submit_status::key_full;
    }
    e.count += count;
    return submit_status::accepted;
  }

  void remove(const Key& key, std::size_t count) noexcept {
    if (count == 0)
      return;
    const std::lock_guard lock(mutex_);
    const auto at = keys_.find(key);
    at->second.count -= count;
    erase_if_idle(at);
  }

  /// A message that was accepted is taken back.
  void take_back(const Key& key, const Message& message) noexcept {
    if (refuses_duplicates_)
      forget(key, message);
    remove(key, 1);
  }

  // ---- on_duplicate::dead_letter: the lane's runner ----

  /// If hashing the id throws: it was not.
  [[nodiscard]] bool has_finished(const Key& key, const id& mine) noexcept try {
    const std::lock_guard lock(mutex_);
    const auto at = keys_.find(key);
    if (at == keys_.end())
      return false;
    forget_old(at->second, clock::now());
    return at->second.seen.contains(mine);
  } catch (...) {
    return false;
  }

  /// Out of memory: it is not remembered.
  void finish(const Key& key, const id& mine) noexcept try {
    const std::lock_guard lock(mutex_);
    const auto now = clock::now();
    auto& e = keys_.try_emplace(key, entry{.filled = now, .tokens = rate_.burst}).first->second;
    forget_old(e, now);
    if (!e.seen.contains(mine))
      (void)remember(key, e, mine, now);
  } catch (...) { // NOLINT(bugprone-empty-catch)
  }

  // ---- the lane's runner or the drainer ----

  void set_parked(const Key& key, bool parked) noexcept {
    const std::lock_guard lock(mutex_);
    if (const auto at = keys_.find(key); at != keys_.end()) {
      at->second.parked = parked;
      erase_if_idle(at);
    }
  }

  // ---- the drainer ----

  /// Forgets what is old. Returns when to call this next; time_point::max(): nothing is kept.
  [[nodiscard]] clock::time_point sweep(clock::time_point now) noexcept {
    const std::lock_guard lock(mutex_);
    while (!looks_.empty() && looks_.front().due <= now) {
      const auto at = keys_.find(looks_.front().key);
      looks_.pop_front(); // makes room for the next
      if (at == keys_.end())
        continue;
      auto& e = at->second;
      e.will_look = false;
      forget_old(e, now);
      if (has_rate_)
        (void)tokens(e, clock::now());
      if (!e.order.empty() || (has_rate_ && e.tokens < rate_.burst)) { // else remove() erases it
        try {
          plan_look(at->first, e, now);
        } catch (...) { // out of memory: with its next message
        }
      }
      erase_if_idle(at);
    }
    return looks_.empty() ? clock::time_point::max() : looks_.front().due;
  }

  [[nodiscard]] bool must_sweep() const noexcept { return has_rate_ || !std::is_same_v<id, no_id>; }

  /// Keys of which anything is known.
  [[nodiscard]] std::size_t size() noexcept {
    const std::lock_guard lock(mutex_);
    return keys_.size();
  }

private:
  struct no_hash {
    std::size_t operator()(const no_id&) const noexcept { return 0; }
  };
  template <class Id>
  struct hash_of {
    using type = std::hash<Id>;
  };
  using id_hash = typename std::conditional_t<std::is_same_v<id, no_id>,
                                              std::type_identity<no_hash>, hash_of<id>>::type;

  struct entry {
    std::size_t count = 0; // unfinished messages
    clock::time_point filled{};
    double tokens = 0; // at that time
    std::unordered_set<id, id_hash> seen = {};
    std::deque<std::pair<clock::time_point, id>> order = {}; // of `seen`
    bool parked = false;
    bool will_look = false; // it is in looks_
  };
  struct planned {
    clock::time_point due;
    Key key;
  };

  static clock::duration seconds(double s) noexcept {
    constexpr double year = 365.0 * 24 * 3600; // no overflow
    return std::chrono::duration_cast<clock::duration>(
        std::chrono::duration<double>(std::min(s, year)));
  }

  template <class Source>
  static std::optional<id> id_of(const Source& source) {
    if constexpr (has_id<Message> && std::is_convertible_v<const Source&, const Message&>)
      return message_traits<Message>::id(source);
    else
      return std::nullopt;
  }

  void forget(const Key& key, const Message& message) noexcept try {
    const std::optional<id> mine = id_of(message);
    const std::lock_guard lock(mutex_);
    const auto at = keys_.find(key);
    if (!mine || at == keys_.end() || at->second.seen.erase(*mine) == 0)
      return;
    std::erase_if(at->second.order, [&](const auto& each) { return each.second == *mine; });
  } catch (...) { // what hashing throws: it is forgotten in time. NOLINT(bugprone-empty-catch)
  }

  double tokens(entry& e, clock::time_point now) const noexcept {
    const std::chrono::duration<double> since = now - e.filled;
    e.tokens = std::min(rate_.burst, e.tokens + since.count() * rate_.per_second);
    e.filled = now;
    return e.tokens;
  }

  void forget_old(entry& e, clock::time_point now) const noexcept {
    while (!e.order.empty() && now - e.order.front().first >= duplicates_.window)
      forget_oldest(e);
  }
  static void forget_oldest(entry& e) noexcept try {
    e.seen.erase(e.order.front().second);
    e.order.pop_front();
  } catch (...) { // what hashing throws; to forget all needs none
    e.seen.clear();
    e.order.clear();
  }
  static void forget_youngest(entry& e) noexcept try {
    e.seen.erase(e.order.back().second);
    e.order.pop_back();
  } catch (...) { // as above
    e.seen.clear();
    e.order.clear();
  }

  [[nodiscard]] bool remember(const Key& key, entry& e, const id& mine, clock::time_point now) {
    plan_look(key, e, now);
    e.order.emplace_back(now, mine);
    try {
      e.seen.insert(mine);
    } catch (...) {
      e.order.pop_back();
      throw;
    }
    if (e.order.size() > duplicates_.most)
      forget_oldest(e);
    return true;
  }

  /// Ids, and a rate's use, are forgotten when they are old, though the key may not come again. All
  /// looks come equally late, so they are in order.
  void plan_look(const Key& key, entry& e, clock::time_point now) {
    if (e.will_look)
      return;
    clock::duration after = std::chrono::milliseconds(1);
    if (!std::is_same_v<id, no_id>)
      after = std::max<clock::duration>(after, duplicates_.window);
    if (has_rate_)
      after = std::max<clock::duration>(after, seconds(rate_.burst / rate_.per_second));
    looks_.push_back({now + std::min<clock::duration>(after, std::chrono::hours(24 * 365)), key});
    e.will_look = true;
  }

  bool is_idle(entry& e) const noexcept {
    return e.count == 0 && !e.parked && e.order.empty() &&
           (!has_rate_ || tokens(e, clock::now()) >= rate_.burst);
  }

  template <class At>
  void erase_if_idle(At at) noexcept {
    if (!at->second.will_look && is_idle(at->second))
      keys_.erase(at);
  }

  const std::size_t most_;
  const key_rate rate_;
  const bool has_rate_;
  const duplicates duplicates_;
  const bool refuses_duplicates_;
  mutex mutex_;
  std::unordered_map<Key, entry, Hash, Equal> keys_;
  std::deque<planned> looks_;
};

} // namespace convoy::detail
