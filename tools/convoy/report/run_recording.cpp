#include "report/run_recording.hpp"

#include <algorithm>
#include <chrono>
#include <convoy/failure.hpp>
#include <convoy/observer.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace convoy::tool {
namespace {

constexpr std::int64_t joined_ns =
    1000; ///< workers take less from one message to the next of a key

/// What slices are called: by their key, or by all of them, as in 7;12.
class label_set {
public:
  explicit label_set(const workload& load) : load_{load}, labels_{load.keys} {}

  [[nodiscard]] std::uint32_t of(const message& m) {
    if (m.further_count == 0)
      return m.key;
    std::string name;
    load_.each_place(m, [&](place p) { name += (name.empty() ? "" : ";") + load_.keys[p.key]; });
    const auto [at, is_new] =
        joint_.try_emplace(std::move(name), static_cast<std::uint32_t>(labels_.size()));
    if (is_new)
      labels_.push_back(at->first);
    return at->second;
  }

  [[nodiscard]] std::vector<std::string> take() { return std::move(labels_); }

private:
  const workload& load_;
  std::vector<std::string> labels_;
  std::unordered_map<std::string, std::uint32_t> joint_;
};

/// A slice for each message, and for each attempt that failed.
std::vector<recording::slice> all_slices(const workload& load, const run& of, label_set& labels) {
  std::vector<recording::slice> all;
  all.reserve(of.records.size());
  for (std::uint32_t i = 0; i < of.records.size(); ++i) {
    const std::uint32_t key = labels.of(load.messages[i]);
    std::uint16_t attempt = 1;
    if (!of.seen.failed.empty())
      for (const auto& failed : of.seen.failed[i])
        all.push_back({.begun = failed.begun,
                       .ended = failed.ended,
                       .label = key,
                       .worker = failed.worker,
                       .attempt = attempt++,
                       .failed = true});
    if (of.records[i].done >= 0)
      all.push_back({.begun = of.records[i].begun,
                     .ended = of.records[i].done,
                     .label = key,
                     .worker = of.seen.workers[i],
                     .attempt = attempt});
  }
  return all;
}

/// What a key waits for between its attempts, and until it is dead because nobody resumed it.
std::vector<recording::hold> all_holds(const workload& load, const run& of) {
  std::vector<recording::hold> all;
  for (std::uint32_t i = 0; i < of.seen.failed.size(); ++i) {
    const auto& failed = of.seen.failed[i];
    const std::uint32_t key = load.messages[i].key;
    for (std::size_t n = 0; n < failed.size(); ++n) {
      const bool is_last = n + 1 == failed.size();
      const auto attempts = static_cast<std::uint16_t>(n + 1);
      if (!is_last)
        all.push_back({.begin = failed[n].ended,
                       .end = failed[n + 1].begun,
                       .label = key,
                       .reason = hold_reason::retry,
                       .attempts = attempts});
      else if (of.records[i].died >= 0 && of.faults.why[i] == death::shutdown)
        all.push_back({.begin = failed[n].ended,
                       .end = of.records[i].died,
                       .label = key,
                       .reason = hold_reason::parked,
                       .attempts = attempts});
    }
  }
  return all;
}

/// Those of a worker that follow each other closely become one.
void join(std::vector<recording::slice>& all) {
  std::ranges::sort(all, {}, [](const recording::slice& s) {
    return std::tuple{s.worker, s.begun, s.ended};
  });
  std::size_t kept = 0;
  for (std::size_t i = 1; i < all.size(); ++i) {
    recording::slice& last = all[kept];
    const recording::slice& next = all[i];
    if (next.worker == last.worker && next.label == last.label && !next.failed && !last.failed &&
        next.attempt == 1 && next.begun - last.ended <= joined_ns) {
      last.ended = std::max(last.ended, next.ended);
      ++last.messages;
    } else {
      all[++kept] = next;
    }
  }
  if (!all.empty())
    all.resize(kept + 1);
}

/// How many keys run and wait, and how many messages are unfinished, as time goes by.
class level_counter {
public:
  explicit level_counter(std::size_t keys) : keys_(keys) {}

  /// A message is there from … until; or a handler of the key runs; or it is held.
  void add_message(std::uint32_t key, std::int64_t from, std::int64_t until) {
    add(key, from, until, first_message, last_message);
  }
  /// Of a message that is there already, in another key.
  void add_place(std::uint32_t key, std::int64_t from, std::int64_t until) {
    add(key, from, until, first_place, last_place);
  }
  void add_run(std::uint32_t key, std::int64_t from, std::int64_t until) {
    add(key, from, until, run_begins, run_ends);
  }
  void add_hold(std::uint32_t key, std::int64_t from, std::int64_t until) {
    add(key, from, until, hold_begins, hold_ends);
  }

  /// At so many points of time, evenly over the length.
  std::vector<recording::level> levels(std::int64_t length, std::int64_t points) {
    std::ranges::sort(events_, {}, [](const event& e) { return std::pair{e.at, e.what}; });
    std::vector<recording::level> all;
    auto next = events_.begin();
    for (std::int64_t i = 0; i <= points; ++i) {
      const auto at = static_cast<std::int64_t>(
          static_cast<double>(length) * (static_cast<double>(i) / static_cast<double>(points)));
      for (; next != events_.end() && next->at <= at; ++next)
        happens(*next);
      now_.at = at;
      all.push_back(now_);
    }
    return all;
  }

private:
  /// At the same time what begins goes before what ends: it may be the same.
  enum change : std::uint32_t {
    first_message,
    first_place,
    run_begins,
    hold_begins,
    hold_ends,
    run_ends,
    last_place,
    last_message,
  };
  struct event {
    std::int64_t at;
    std::uint32_t key;
    change what;
  };
  struct state {
    std::uint32_t messages = 0, runs = 0, holds = 0;
    [[nodiscard]] bool is_running() const { return runs > 0; }
    [[nodiscard]] bool is_waiting() const { return messages > 0 && runs == 0 && holds == 0; }
  };

  void add(std::uint32_t key, std::int64_t from, std::int64_t until, change begin, change end) {
    events_.push_back({from, key, begin});
    events_.push_back({until, key, end});
  }

  void happens(const event& e) {
    state& key = keys_[e.key];
    now_.running -= key.is_running();
    now_.waiting -= key.is_waiting();
    key.messages += (e.what <= first_place) - (e.what >= last_place);
    key.runs += (e.what == run_begins) - (e.what == run_ends);
    key.holds += (e.what == hold_begins) - (e.what == hold_ends);
    now_.backlog += (e.what == first_message) - (e.what == last_message);
    now_.running += key.is_running();
    now_.waiting += key.is_waiting();
  }

  std::vector<state> keys_;
  std::vector<event> events_;
  recording::level now_;
};

/// Keeps those that began first, and returns how many are gone.
template <class Interval, class Begin>
std::size_t cut(std::vector<Interval>& all, std::size_t most, Begin&& begin) {
  if (all.size() <= most)
    return 0;
  const std::size_t gone = all.size() - most;
  std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(most), {}, begin);
  all.resize(most);
  return gone;
}

} // namespace

recording recording_of(const workload& load, const run& of, std::size_t most) {
  constexpr std::int64_t points = 2000;
  recording is;
  is.name =
      of.strategy + ", " + std::to_string(of.workers) + (of.workers == 1 ? " worker" : " workers");
  is.workers = of.workers;
  is.joined = std::chrono::nanoseconds{joined_ns};
  label_set labels{load};
  is.slices = all_slices(load, of, labels);
  is.labels = labels.take();
  is.holds = all_holds(load, of);

  level_counter levels{load.keys.size()};
  std::int64_t length = 0;
  for (const auto& s : is.slices)
    if (s.label < load.keys.size())
      levels.add_run(s.label, s.begun, s.ended);
  for (const auto& h : is.holds)
    levels.add_hold(h.label, h.begin, h.end);
  for (std::uint32_t i = 0; i < of.records.size(); ++i) {
    const record& r = of.records[i];
    const std::int64_t end = std::max(r.done, r.died);
    if (end < 0)
      continue; // lost: a mistake of the strategy, which the table tells
    const bool has_begun = r.done >= 0 || (!of.seen.failed.empty() && !of.seen.failed[i].empty());
    // Its handler may begin before submit() has returned.
    const std::int64_t there =
        has_begun ? std::min(r.accepted, r.begun) : std::min(r.accepted, end);
    const message& m = load.messages[i];
    levels.add_message(m.key, there, end);
    for (const place& p : load.further(m))
      levels.add_place(p.key, there, end);
    if (m.further_count != 0 && r.done >= 0)
      load.each_place(m, [&](place p) { levels.add_run(p.key, r.begun, r.done); });
    length = std::max(length, end);
  }
  is.length = std::chrono::nanoseconds{length};
  is.levels = levels.levels(length, points);

  join(is.slices);
  is.dropped = cut(is.slices, most, &recording::slice::begun);
  is.dropped += cut(is.holds, most, &recording::hold::begin);
  return is;
}

} // namespace convoy::tool
