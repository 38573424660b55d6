#include "convoy/detail/insight/insight.hpp"

#include "convoy/detail/base/report.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <utility>

namespace convoy::detail {

namespace {

/// Of the time that a message waits in a ring of which its key has `mean` messages, in the mean, the
/// share that passes until the one before it of its key has finished.
double own_share_in_ring(double mean) noexcept {
  return mean < 1e-6 ? 0 : 1 - (1 - std::exp(-mean)) / mean;
}

using key_list = std::vector<merged_keys::key>;

std::string label_of(const top_key& key) {
  return key.label.empty() ? hash_label(key.hash) : key.label;
}

std::vector<key_share> shares(const key_list& largest, std::size_t count, double total,
                              double seconds,
                              const std::unordered_map<std::uint64_t, std::uint32_t>& depths) {
  // Of few samples the variance is an estimate, too: with 2 the truth was in 92 of 100 intervals. And
  // what is timed is so within 1 %.
  constexpr double deviations = 2.5, exactness = 0.01;
  std::vector<key_share> list;
  for (const auto& key : largest) {
    if (list.size() == count || total <= 0)
      break;
    const auto margin = deviations * std::sqrt(key.variance) + exactness * key.value;
    // One that does not end has run so long in this window.
    const auto mean = key.messages > 0 ? key.handled / key.messages : key.service;
    const auto seen = depths.find(key.hash);
    const auto depth = seen != depths.end() ? seen->second : key.depth;
    list.push_back({.label = label_of(key),
                    .share = std::min(key.value / total, 1.0),
                    .low = std::max((key.value - key.error - margin) / total, 0.0),
                    .high = std::min((key.value + key.missing + margin) / total, 1.0),
                    .messages_per_second = key.messages / seconds,
                    .depth = depth,
                    .handler_time = std::chrono::nanoseconds(std::llround(mean)),
                    .waited = std::chrono::nanoseconds(std::llround(key.waited / seconds)),
                    .to_drain = std::chrono::nanoseconds(std::llround(mean * depth))});
  }
  return list;
}

/// Of which it is known well how many messages they had.
std::vector<known_load::key> known_keys(const key_list& largest, double seconds) {
  constexpr std::size_t most = 512;
  std::vector<known_load::key> list;
  for (const auto& key : largest) {
    if (list.size() == most || key.value < 2 * (key.error + key.missing))
      break;
    list.push_back({.hash = key.hash,
                    .finished_per_second = (key.value - key.error / 2) / seconds,
                    .handler_ns = key.messages > 0 ? key.handled / key.messages : 0,
                    .shared = key.messages > 0 ? std::min(key.shared / key.messages, 1.0) : 0,
                    .shared_work = key.service > 0 ? key.shared_service / key.service : 0});
  }
  return list;
}

/// What binds a key, but for what is shared: the most that one of them has for certain, but for samples.
double largest_exclusive(const key_list& by_service, double total) {
  double most = 0;
  for (const auto& key : by_service)
    most = std::max(most, key.value - key.error - key.shared_service);
  return total > 0 ? most / total : 0;
}

/// What only grows: the last window's, and what this one adds.
void add_up(snapshot& to, const snapshot& last, const time_histogram& handler,
            const time_histogram& latency, const key_list& by_service) {
  to.handler_total = last.handler_total;
  to.latency_total = last.latency_total;
  handler.add_to(to.handler_total);
  latency.add_to(to.latency_total);
  to.hottest_total = last.hottest_total;
  to.hottest_total.resize(std::max(last.hottest_total.size(), to.hottest.size()));
  for (std::size_t rank = 0; rank < to.hottest.size(); ++rank)
    to.hottest_total[rank] += std::chrono::duration<double, std::nano>(by_service[rank].value);
}

} // namespace

// ---- labels ----

std::string hash_label(std::uint64_t hash) {
  static const std::uint64_t secret = [] {
    std::random_device random;
    return (std::uint64_t{random()} << 32) | random();
  }();
  auto mixed = hash ^ secret;
  for (int i = 0; i < 2; ++i) {
    mixed = (mixed ^ (mixed >> 31)) * 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 29)) * (secret | 1);
  }
  char text[20];
  std::snprintf(text, sizeof text, "#%012llx", static_cast<unsigned long long>(mixed >> 16));
  return text;
}

std::string short_label(std::string label, std::uint64_t hash) {
  constexpr std::size_t most = 40, kept = 24;
  if (label.size() <= most)
    return label;
  auto end = kept;
  while (end != 0 && (static_cast<unsigned char>(label[end]) & 0xc0) == 0x80) // within a character
    --end;
  label.resize(end);
  label += "…" + hash_label(hash);
  label.shrink_to_fit();
  return label;
}

// ---- windows ----

insight_base::insight_base(scheduler& where, std::string name, unsigned top,
                           std::chrono::nanoseconds window, bool labels_are_hashes,
                           std::size_t partitions)
    : scheduler_(where), name_(std::move(name)), top_(top), window_(window),
      workers_(where.concurrency()), levels_(partitions) {
  for (auto& each : levels_)
    each.belong_to(*this);
  last_.name = name_;
  last_.workers = where.concurrency();
  last_.labels_are_hashes = labels_are_hashes;
  scheduler_.add_alarm(*this);
}

insight_base::~insight_base() = default;

void insight_base::stop() noexcept {
  scheduler_.detach(*this);
  scheduler_.remove_alarm(*this);
}

std::optional<unsigned> insight_base::worker_with(const void* lane,
                                                  clock::time_point& since) noexcept {
  for (unsigned worker = 0; worker < workers_.size(); ++worker)
    if (workers_[worker].runs_now(lane, since))
      return worker;
  return std::nullopt;
}

std::optional<unsigned> insight_base::worker_with_key(std::uint64_t hash,
                                                      clock::time_point& since) noexcept {
  for (unsigned worker = 0; worker < workers_.size(); ++worker)
    if (workers_[worker].times_now(hash, since))
      return worker;
  return std::nullopt;
}

void insight_base::start_window(clock::time_point now) noexcept {
  {
    const std::lock_guard lock(mutex_);
    began_ = now;
    counted_ = counts();
    admission_before_ = admission_.load(std::memory_order_relaxed); // only summed up
  }
  scheduler_.set_alarm(*this, later(now, window_));
}

void insight_base::ring_alarm() noexcept {
  const auto now = clock::now();
  bool more = true;
  try {
    more = sum_up(now);
  } catch (...) { // no memory: this window is not told
  }
  if (more)
    return start_window(now);
  std::uint64_t tickets = 0;
  {
    const std::lock_guard lock(mutex_);
    tickets = counted_.tickets;
  }
  armed_.exchange(false, std::memory_order_relaxed); // see above
  if (counts().tickets != tickets)                   // who came meanwhile has found it set
    begin_window(now);
}

/// What the partitions' lanes have, one by one.
void insight_base::tell_survey(snapshot& to, bool is_idle, clock::time_point now,
                               std::unordered_map<std::string, std::uint64_t>& listed,
                               std::unordered_map<std::uint64_t, std::uint32_t>& depths) {
  if (is_idle) // it is of before
    return;
  auto oldest = now;
  std::vector<survey::held_lane> held;
  for (auto& each : levels_) {
    auto seen = each.last_survey();
    oldest = std::min({oldest, seen.oldest, each.waits_since()});
    std::ranges::move(seen.held, std::back_inserter(held));
    for (const auto& lane : seen.deepest)
      depths[lane.hash] = lane.messages;
  }
  to.oldest = now - oldest;
  std::ranges::sort(held, {}, &survey::held_lane::since);
  held.resize(std::min<std::size_t>(held.size(), top_));
  for (auto& each : held) {
    auto label = each.label.empty() ? hash_label(each.hash) : std::move(each.label);
    listed.emplace(label, each.hash);
    const bool ends = each.until != clock::time_point::max();
    to.held.push_back({.label = std::move(label),
                       .why = each.why,
                       .depth = each.messages,
                       .since = now - std::min(each.since, now),
                       .until = ends ? std::max(each.until, now) - now : clock::duration(0),
                       .attempts = each.attempts});
  }
}

/// False: there was nothing in this window, and nothing is unfinished.
bool insight_base::sum_up(clock::time_point now) {
  const auto limited = look_at_partitions();
  const std::lock_guard lock(mutex_);
  const auto length = now - began_;
  const auto seconds = std::chrono::duration<double>(length).count();
  const auto is = counts();
  snapshot s;
  s.name = name_;
  s.workers = scheduler_.concurrency();
  s.window = length;

  level sum;
  level_sums waited;
  for (auto& each : levels_)
    sum += each.take(now, waited);

  merged_keys all_by_service, all_by_messages, all_by_cost;
  time_histogram handler, latency;
  double service = 0, busy = 0, messages = 0, cost = 0;
  for (auto& worker : workers_) {
    spare_->clear();
    s.lanes.running += worker.take(spare_, now);
    all_by_service.add(spare_->by_service);
    all_by_messages.add(spare_->by_messages);
    all_by_cost.add(spare_->by_cost);
    handler.add(spare_->handler);
    latency.add(spare_->latency);
    service += spare_->service;
    busy += std::min(spare_->service, in_ns(length)); // an estimate may be more
    messages += spare_->messages;
    cost += spare_->cost;
  }
  std::unordered_map<std::string, std::uint64_t> listed; // labels
  std::unordered_map<std::uint64_t, std::uint32_t> depths;
  tell_survey(s, is.tickets == is.finished, now, listed, depths);
  const auto by_service = all_by_service.sorted();
  const auto by_messages = all_by_messages.sorted();
  const auto held = count_held(sum.held);
  const auto running = s.lanes.running;
  s.lanes = sum.held;
  auto others = sum.keys - std::min<std::uint64_t>(held, sum.keys);
  s.lanes.joint = std::min<std::uint64_t>(
      static_cast<std::uint64_t>(std::max<std::int64_t>(sum.joint.waiting, 0)), others);
  others -= s.lanes.joint;
  s.lanes.running = std::min<std::size_t>(running, others);
  s.lanes.waiting = others - s.lanes.running;
  s.backlog = sum.in_ring + sum.in_lanes;

  const auto finished = static_cast<double>(is.finished - counted_.finished);
  const auto more = static_cast<double>(s.backlog) - static_cast<double>(backlog_before_);
  s.accepted_per_second = std::max(finished + more, 0.0) / seconds;
  s.finished_per_second = finished / seconds;
  s.handler = handler.figures();
  s.latency = latency.figures();
  const auto by_cost = all_by_cost.sorted();
  s.hottest = shares(by_service, top_, service, seconds, depths);
  s.most = shares(by_messages, top_, messages, seconds, depths);
  s.costliest = shares(by_cost, top_, cost, seconds, depths);
  s.labels_are_hashes = last_.labels_are_hashes;
  add_up(s, last_, handler, latency, by_service);
  for (const auto* const keys : {&by_service, &by_messages, &by_cost})
    for (std::size_t i = 0; i < std::min<std::size_t>(keys->size(), top_); ++i)
      listed.emplace(label_of((*keys)[i]), (*keys)[i].hash);

  known_load load{.window = length,
                  .keys = known_keys(by_messages, seconds),
                  .accepted_per_second = s.accepted_per_second,
                  .finished_per_second = s.finished_per_second,
                  .handler_ns = in_ns(s.handler.mean),
                  .handler = handler};

  const auto whole = in_ns(length);
  const auto hot = largest_exclusive(by_service, service);
  s.utilisation = busy / (whole * s.workers);
  s.efficiency = std::min(busy * std::max(1.0 / s.workers, hot) / whole, 1.0);
  s.speedup_ceiling = hot > 0 ? 1 / hot : 0;

  const auto ring = waited.in_ring / whole; // messages in the mean
  double own_in_ring = 0;
  for (const auto& key : by_messages) {
    const auto share = std::max(key.value - key.error, 0.0) / messages;
    own_in_ring += share * own_share_in_ring(share * ring);
  }
  own_in_ring = std::min(own_in_ring, 1.0); // shares of joint messages add up to more
  const auto admission =
      static_cast<double>(admission_.load(std::memory_order_relaxed) - admission_before_);
  const auto own = std::max(waited.own_key, 0.0) + waited.in_ring * own_in_ring;
  // What runs at once, in its cell, has not waited anywhere.
  const auto heads = std::max(waited.heads + waited.in_ring * (1 - own_in_ring), busy);
  if (const auto all = admission + own + heads + waited.held; all > 0)
    s.wait = {.admission = admission / all,
              .own_key = own / all,
              .scheduler = (heads - busy) / all,
              .backoff = waited.held / all,
              .service = busy / all};

  s.lanes.limited = limited;
  const bool nothing = is.tickets == counted_.tickets && is.finished == counted_.finished &&
                       s.backlog == 0 && service <= 0 && s.oldest.count() == 0;
  backlog_before_ = s.backlog;
  if (!nothing) {
    ended_ = now;
    last_ = std::move(s);
    listed_ = std::move(listed);
    if (load.handler_ns > 0) // else nothing has ended, and the one before tells more
      load_ = std::move(load);
  }
  return !nothing;
}

snapshot counted(const std::string& name, const scheduler& where, const account& is,
                 const std::function<std::vector<source_position>()>& positions) {
  snapshot s;
  s.name = name;
  s.workers = where.concurrency();
  s.accepted = is.accepted;
  s.finished = is.finished();
  s.dead = is.dead_letters;
  s.conflated = is.conflated;
  s.backlog = s.accepted - s.finished;
  if (positions) {
    try {
      s.positions = positions();
    } catch (...) {
      report_to_stderr(thrower::positions, std::current_exception());
    }
  }
  return s;
}

std::optional<std::uint64_t> insight_base::hash_of(std::string_view label) const {
  const std::string wanted(label);
  const std::lock_guard lock(mutex_);
  const auto found = listed_.find(wanted);
  return found == listed_.end() ? std::nullopt : std::optional(found->second);
}

snapshot insight_base::take() const {
  auto is = exact_counts();
  const std::lock_guard lock(mutex_);
  auto s = last_;
  s.accepted = is.accepted;
  s.finished = is.finished;
  s.dead = is.dead;
  s.conflated = is.conflated;
  s.backlog = is.backlog;
  s.positions = std::move(is.positions);
  if (s.window.count() != 0)
    s.age = clock::now() - ended_;
  return s;
}

} // namespace convoy::detail
