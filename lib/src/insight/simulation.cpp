#include "convoy/detail/insight/simulation.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace convoy::detail {

namespace {

constexpr std::uint32_t no_message = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t never_simulated = std::numeric_limits<std::int64_t>::max();

/// Messages that wait for a worker, the first that came goes first. A bit for each message, and for
/// each 64 of these one that says whether any is set, and so on: constant time, and the few words
/// that are looked at stay in the cache.
class waiting_heads {
public:
  explicit waiting_heads(std::size_t messages) {
    do {
      messages = messages / 64 + 1;
      levels_.emplace_back(messages, 0);
    } while (messages > 1);
  }

  [[nodiscard]] bool empty() const noexcept { return levels_.back()[0] == 0; }

  void push(std::uint32_t message) noexcept {
    for (auto& level : levels_) {
      auto& word = level[message / 64];
      const bool had_any = word != 0;
      word |= std::uint64_t{1} << (message % 64);
      if (had_any)
        return;
      message /= 64;
    }
  }

  [[nodiscard]] std::uint32_t pop() noexcept {
    std::uint32_t at = 0;
    for (std::size_t level = levels_.size(); level-- > 0;)
      at = at * 64 + static_cast<std::uint32_t>(std::countr_zero(levels_[level][at]));
    auto left = at;
    for (auto& level : levels_) {
      auto& word = level[left / 64];
      word &= word - 1; // the least bit
      if (word != 0)
        break;
      left /= 64;
    }
    return at;
  }

private:
  std::vector<std::vector<std::uint64_t>> levels_; // the last is a single word
};

class simulated_run {
public:
  simulated_run(std::span<const simulated_message> messages, std::uint32_t keys, unsigned workers,
                std::span<simulated_times> out, const simulated_limits& limits)
      : messages_(messages), out_(out), limits_(limits), idle_workers_(workers),
        next_(messages.size() + limits.further.size(), no_message),
        may_begin_(messages.size(), false), waiting_(messages.size()) {
    awake_.reserve(messages.size());
    if (limits.conflates) {
      keys_.resize(keys);
      stands_.resize(messages.size());
    }
    if (!limits.further.empty())
      count_places();
    std::vector<std::uint32_t> last(keys, no_message);
    std::vector<std::uint32_t> first;
    const auto line_up = [&](std::uint32_t key, std::uint32_t at) {
      auto& before = last[key];
      if (before == no_message)
        first.push_back(at);
      else
        next_[before] = at;
      return std::exchange(before, at);
    };
    for (std::uint32_t i = 0; i < messages.size(); ++i) {
      const auto before = line_up(messages[i].key, i);
      if (messages[i].is_shared)
        add_to_run(i, before);
      each_further(
          i, [&](std::uint32_t at) { line_up(limits.further[at - messages.size()].key, at); });
    }
    for (const auto each : first)
      open(each);
    std::vector<ending> room;
    room.reserve(std::min<std::size_t>(workers, messages.size()));
    asleep_ = endings(std::greater<>{}, std::move(room));
  }

  void run() {
    while (done_ + merged_ < messages_.size()) {
      const auto wake = asleep_.empty() ? never_simulated : asleep_.top().first;
      const auto end = done_ == awake_.size() ? never_simulated : out_[awake_[done_]].done;
      const auto arrival = has_room() ? messages_[arrived_].arrival_ns : never_simulated;
      now_ = std::min({wake, end, arrival});
      while (!asleep_.empty() && asleep_.top().first == now_)
        wake_one();
      while (done_ < awake_.size() && out_[awake_[done_]].done == now_)
        finish(awake_[done_++]);
      while (has_room() && messages_[arrived_].arrival_ns <= now_)
        arrive();
      for (; idle_workers_ != 0 && !waiting_.empty(); --idle_workers_)
        begin(waiting_.pop());
    }
  }

private:
  using ending = std::pair<std::int64_t, std::uint32_t>; // when, which message
  using endings = std::priority_queue<ending, std::vector<ending>, std::greater<>>;

  /// For the next message, if there is one.
  [[nodiscard]] bool has_room() const noexcept {
    if (arrived_ == messages_.size())
      return false;
    return arrived_ - done_ - merged_ + further_taken_ + count_further(arrived_) < limits_.capacity;
  }

  /// Of a message's places besides its first.
  [[nodiscard]] std::size_t count_further(std::uint32_t message) const noexcept {
    return further_begin_.empty() ? 0 : further_begin_[message + 1] - further_begin_[message];
  }

  /// Places are numbered: the first one of a message as that, and behind all of these those of
  /// limits_.further.
  template <class What>
  void each_further(std::uint32_t message, What&& what) const {
    const auto first = static_cast<std::uint32_t>(messages_.size());
    if (!further_begin_.empty())
      for (auto i = further_begin_[message]; i != further_begin_[message + 1]; ++i)
        what(first + i);
  }

  void count_places() {
    further_begin_.assign(messages_.size() + 1, 0);
    for (const auto& each : limits_.further)
      ++further_begin_[each.message + 1];
    turns_left_.resize(messages_.size());
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      turns_left_[i] = static_cast<std::uint8_t>(1 + further_begin_[i + 1]);
      further_begin_[i + 1] += further_begin_[i];
    }
  }

  void arrive() noexcept {
    if (limits_.conflates)
      arrive_conflated(arrived_);
    else if (may_begin_[arrived_])
      waiting_.push(arrived_);
    further_taken_ += count_further(arrived_);
    ++arrived_;
  }

  void arrive_conflated(std::uint32_t message) noexcept {
    auto& key = keys_[messages_[message].key];
    if (!std::exchange(key.is_busy, true)) {
      stands_[message] = message;
      waiting_.push(message);
    } else if (key.waiting == no_message) {
      key.waiting = stands_[message] = message;
    } else {
      out_[std::exchange(stands_[key.waiting], message)] = {-1, now_};
      ++merged_;
    }
  }

  void begin(std::uint32_t message) {
    if (limits_.conflates)
      message = stands_[message];
    out_[message].begun = now_;
    asleep_.emplace(now_ + messages_[message].service_ns, message);
  }

  /// They end in the order in which they woke. So a core is free when the message has ended that
  /// woke `cores` messages before this one.
  void wake_one() {
    auto free = now_;
    if (awake_.size() >= limits_.cores)
      free = std::max(free, out_[awake_[awake_.size() - limits_.cores]].done);
    const auto message = asleep_.top().second;
    out_[message].done = free + limits_.core_ns;
    awake_.push_back(message);
    asleep_.pop();
  }

  void finish(std::uint32_t message) noexcept {
    ++idle_workers_;
    if (limits_.conflates) {
      auto& key = keys_[messages_[message].key];
      key.is_busy = key.waiting != no_message;
      if (key.is_busy)
        waiting_.push(std::exchange(key.waiting, no_message));
      return;
    }
    further_taken_ -= count_further(message);
    each_further(message, [&](std::uint32_t at) { open(next_[at]); });
    if (!messages_[message].is_shared)
      return open(next_[message]);
    auto& run = runs_[run_of_[message]];
    if (--run.left == 0)
      open(next_[run.last]);
  }

  /// It is the turn of this place, and of those behind it that are shared as it is.
  void open(std::uint32_t at) noexcept {
    if (at == no_message)
      return;
    auto message = at < messages_.size() ? at : limits_.further[at - messages_.size()].message;
    if (!turns_left_.empty() && --turns_left_[message] != 0)
      return;
    const auto allow = [&] {
      if (message < arrived_)
        waiting_.push(message);
      else
        may_begin_[message] = true;
    };
    if (!messages_[message].is_shared)
      return allow();
    for (; message != no_message && messages_[message].is_shared; message = next_[message])
      allow();
  }

  void add_to_run(std::uint32_t message, std::uint32_t before) {
    run_of_.resize(messages_.size(), 0);
    if (before == no_message || !messages_[before].is_shared) {
      run_of_[message] = static_cast<std::uint32_t>(runs_.size());
      runs_.emplace_back();
    } else {
      run_of_[message] = run_of_[before];
    }
    auto& run = runs_[run_of_[message]];
    run.last = message;
    ++run.left;
  }

  /// Shared messages that lie next to each other.
  struct run_of_shared {
    std::uint32_t left = 0; // that are not done
    std::uint32_t last = 0;
  };

  struct conflated_key {
    bool is_busy = false;               // a worker has one of it, or it waits for one
    std::uint32_t waiting = no_message; // the first of those that wait behind that
  };

  const std::span<const simulated_message> messages_;
  const std::span<simulated_times> out_;
  const simulated_limits limits_;
  std::int64_t now_ = 0;
  unsigned idle_workers_;
  std::uint32_t arrived_ = 0;
  std::size_t done_ = 0; // the first of awake_
  std::size_t merged_ = 0;
  std::vector<conflated_key> keys_;   // if it conflates
  std::vector<std::uint32_t> stands_; // likewise: for a message that is handed out, the latest
  std::vector<std::uint32_t> next_;   // of the same key, for each place
  std::vector<std::uint32_t>
      further_begin_; // of each message, in limits_.further; empty: none is joint
  std::vector<std::uint8_t> turns_left_; // likewise: keys in which it is not its turn
  std::size_t further_taken_ = 0;        // of messages that have arrived and are not done
  std::vector<run_of_shared> runs_;
  std::vector<std::uint32_t> run_of_; // each message that is shared; empty: none is
  std::vector<bool> may_begin_;       // as soon as it arrives: those of its key before it are done
  waiting_heads waiting_;
  endings asleep_;
  std::vector<std::uint32_t> awake_; // messages whose service time is over, in that order
};

} // namespace

void simulate(std::span<const simulated_message> messages, std::uint32_t keys, unsigned workers,
              std::span<simulated_times> out, const simulated_limits& limits) {
  simulated_run(messages, keys, workers, out, limits).run();
}

} // namespace convoy::detail
