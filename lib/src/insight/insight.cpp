#include "convoy/detail/insight/insight.hpp"

#include "convoy/detail/base/tuning.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <utility>

namespace convoy::detail {

namespace {

std::size_t count_held(const lane_counts& c) noexcept {
  return c.backoff + c.parked + c.paused + c.lingering;
}

/// Of the time that a message waits in a ring of which its key has `mean` messages, in the mean, the
/// share that passes until the one before it of its key has finished.
double own_share_in_ring(double mean) noexcept {
  return mean < 1e-6 ? 0 : 1 - (1 - std::exp(-mean)) / mean;
}

using keys = std::vector<merged_keys::key>;

std::vector<key_share> shares(const keys& largest, std::size_t count, double total,
                              double seconds) {
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
    list.push_back({.label = key.label.empty() ? hash_label(key.hash) : key.label,
                    .share = std::min(key.value / total, 1.0),
                    .low = std::max((key.value - key.error - margin) / total, 0.0),
                    .high = std::min((key.value + key.missing + margin) / total, 1.0),
                    .messages_per_second = key.messages / seconds,
                    .depth = key.depth,
                    .handler_time = std::chrono::nanoseconds(std::llround(mean)),
                    .waited = std::chrono::nanoseconds(std::llround(key.waited / seconds)),
                    .to_drain = std::chrono::nanoseconds(std::llround(mean * key.depth))});
  }
  return list;
}

/// What the first of them has for certain, but for samples.
double share_of_first(const keys& largest, double total) {
  return largest.empty() || total <= 0
             ? 0
             : std::max(largest.front().value - largest.front().error, 0.0) / total;
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

// ---- levels ----

/// Nobody that is held runs, or waits for a worker.
void operator+=(level& a, const level& b) noexcept {
  a.in_ring += b.in_ring;
  a.in_lanes += b.in_lanes;
  a.keys += b.keys;
  a.held.backoff += b.held.backoff;
  a.held.parked += b.held.parked;
  a.held.paused += b.held.paused;
  a.held.lingering += b.held.lingering;
}

void partition_levels::integrate(clock::time_point now) noexcept {
  if (at_ != clock::time_point{} && now > at_) {
    const auto time = in_ns(now - at_);
    const auto held = count_held(level_.held);
    sums_.in_ring += time * static_cast<double>(level_.in_ring);
    sums_.own_key +=
        time * static_cast<double>(level_.in_lanes - std::min(level_.keys, level_.in_lanes));
    sums_.heads +=
        time * static_cast<double>(level_.keys - std::min<std::uint64_t>(held, level_.keys));
    sums_.held += time * static_cast<double>(held);
  }
  at_ = std::max(now, at_);
}

void partition_levels::count_wait(clock::duration time, std::uint64_t messages) noexcept {
  const std::lock_guard lock(mutex_);
  // The first has waited so long, and the others half of it.
  sums_.in_ring += in_ns(time) * (static_cast<double>(messages) + 1) / 2;
}

level partition_levels::take(clock::time_point now, level_sums& sums) noexcept {
  const std::lock_guard lock(mutex_);
  integrate(now);
  sums.in_ring += sums_.in_ring;
  sums.own_key += sums_.own_key;
  sums.heads += sums_.heads;
  sums.held += sums_.held;
  sums_ = {};
  return level_;
}

// ---- windows ----

insight_base::insight_base(scheduler& where, std::string name, unsigned top,
                           std::chrono::nanoseconds window, std::size_t partitions)
    : scheduler_(where), name_(std::move(name)), top_(top), window_(window),
      workers_(where.concurrency()), levels_(partitions) {
  for (auto& each : levels_)
    each.belong_to(*this);
  last_.name = name_;
  last_.workers = where.concurrency();
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

/// False: there was nothing in this window, and nothing is unfinished.
bool insight_base::sum_up(clock::time_point now) {
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
    s.lanes.running += worker.take(spare_, now) ? 1u : 0u;
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
  const auto by_service = all_by_service.sorted();
  const auto by_messages = all_by_messages.sorted();
  const auto held = count_held(sum.held);
  const auto running = s.lanes.running;
  s.lanes = sum.held;
  const auto others = sum.keys - std::min<std::uint64_t>(held, sum.keys);
  s.lanes.running = std::min<std::size_t>(running, others);
  s.lanes.waiting = others - s.lanes.running;
  s.backlog = sum.in_ring + sum.in_lanes;

  const auto finished = static_cast<double>(is.finished - counted_.finished);
  const auto more = static_cast<double>(s.backlog) - static_cast<double>(backlog_before_);
  s.accepted_per_second = std::max(finished + more, 0.0) / seconds;
  s.finished_per_second = finished / seconds;
  s.handler = handler.figures();
  s.latency = latency.figures();
  s.hottest = shares(by_service, top_, service, seconds);
  s.most = shares(by_messages, top_, messages, seconds);
  s.costliest = shares(all_by_cost.sorted(), top_, cost, seconds);

  const auto whole = in_ns(length);
  const auto hot = share_of_first(by_service, service);
  s.utilisation = busy / (whole * s.workers);
  s.efficiency = std::min(busy * std::max(1.0 / s.workers, hot) / whole, 1.0);
  s.speedup_ceiling = hot > 0 ? 1 / hot : 0;

  const auto ring = waited.in_ring / whole; // messages in the mean
  double own_in_ring = 0;
  for (const auto& key : by_messages) {
    const auto share = std::max(key.value - key.error, 0.0) / messages;
    own_in_ring += share * own_share_in_ring(share * ring);
  }
  const auto admission =
      static_cast<double>(admission_.load(std::memory_order_relaxed) - admission_before_);
  const auto own = waited.own_key + waited.in_ring * own_in_ring;
  // What runs at once, in its cell, has not waited anywhere.
  const auto heads = std::max(waited.heads + waited.in_ring * (1 - own_in_ring), busy);
  if (const auto all = admission + own + heads + waited.held; all > 0)
    s.wait = {.admission = admission / all,
              .own_key = own / all,
              .scheduler = (heads - busy) / all,
              .backoff = waited.held / all,
              .service = busy / all};

  const bool nothing = is.tickets == counted_.tickets && is.finished == counted_.finished &&
                       s.backlog == 0 && service <= 0;
  backlog_before_ = s.backlog;
  if (!nothing) {
    ended_ = now;
    last_ = std::move(s);
  }
  return !nothing;
}

snapshot counted(const std::string& name, const scheduler& where, const account& is) {
  snapshot s;
  s.name = name;
  s.workers = where.concurrency();
  s.accepted = is.accepted;
  s.finished = is.completed + is.dead_letters + is.discarded;
  s.dead = is.dead_letters;
  s.backlog = s.accepted - s.finished;
  return s;
}

snapshot insight_base::take() const {
  auto is = exact_counts();
  const std::lock_guard lock(mutex_);
  auto s = last_;
  s.accepted = is.accepted;
  s.finished = is.finished;
  s.dead = is.dead;
  s.backlog = is.backlog;
  if (s.window.count() != 0)
    s.age = clock::now() - ended_;
  return s;
}

} // namespace convoy::detail
