#include "convoy/detail/insight/worker_samples.hpp"

#include "convoy/detail/base/tuning.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

namespace convoy::detail {

// ---- top_keys ----

top_key& top_keys::add(std::uint64_t hash, double value, double variance) noexcept {
  const auto count = entries_.size();
  auto at = static_cast<std::size_t>(std::find(hashes_.begin(), hashes_.begin() + count, hash) -
                                     hashes_.begin());
  if (at == count && count < most) {
    entries_.emplace_back(); // there is room, see the constructor
    values_[at] = 0;
  } else if (at == count) {
    at = *std::min_element(least_.begin(), least_.end(), [this](std::size_t a, std::size_t b) {
      return values_[a] < values_[b];
    });
    auto& is = entries_[at];
    is.label.clear();
    is = {.error = values_[at], .label = std::move(is.label)};
  }
  hashes_[at] = hash;
  values_[at] += value;
  if (const auto in = at / group; least_[in] == at || count < most)
    find_least(in);
  auto& is = entries_[at];
  is.hash = hash;
  is.value = values_[at];
  is.variance += variance;
  return is;
}

void top_keys::find_least(std::size_t of_group) noexcept {
  const auto first = values_.begin() + static_cast<std::ptrdiff_t>(of_group * group);
  least_[of_group] =
      static_cast<std::size_t>(std::min_element(first, first + group) - values_.begin());
}

top_key* top_keys::find(std::uint64_t hash) noexcept {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [hash](const top_key& each) { return each.hash == hash; });
  return found == entries_.end() ? nullptr : &*found;
}

double top_keys::least() const noexcept {
  return entries_.size() < most ? 0 : *std::min_element(values_.begin(), values_.end());
}

// ---- time_histogram ----

std::chrono::nanoseconds time_histogram::percentile(double share) const noexcept {
  const auto wanted = share * weight_;
  double sum = 0;
  for (std::size_t i = 0; i < classes; ++i) {
    sum += static_cast<double>(counts_[i]);
    if (sum >= wanted && sum > 0)
      return std::chrono::nanoseconds(std::min(end_of(i), max_));
  }
  return std::chrono::nanoseconds(max_);
}

distribution time_histogram::figures() const noexcept {
  if (weight_ <= 0)
    return {};
  return {.mean = std::chrono::nanoseconds(std::llround(sum_ / weight_)),
          .p50 = percentile(0.5),
          .p99 = percentile(0.99),
          .p999 = percentile(0.999),
          .max = std::chrono::nanoseconds(max_)};
}

// ---- worker_samples ----

void window_sums::clear() noexcept {
  for (auto* keys : {&by_service, &by_messages, &by_cost})
    keys->clear();
  handler.clear();
  latency.clear();
  service = messages = cost = 0;
}

void worker_samples::begin(std::uint64_t hash, clock::time_point now, clock::time_point came,
                           std::string&& label, const atomic<std::uint32_t>* unfinished,
                           unsigned attempts, bool is_shared) noexcept {
  timing_ = true;
  const std::lock_guard lock(mutex_);
  running_ = true;
  hash_ = hash;
  unfinished_ = unfinished;
  label_ = std::move(label);
  began_ = counted_ = now;
  came_ = std::min(came, now);
  attempts_ = attempts;
  is_shared_ = is_shared;
}

void worker_samples::begin_also(std::uint64_t hash, std::string&& label,
                                const atomic<std::uint32_t>& unfinished) noexcept try {
  const std::lock_guard lock(mutex_);
  others_.push_back({hash, std::move(label), &unfinished});
} catch (...) { // no memory: it is not counted. NOLINT(bugprone-empty-catch)
}

void worker_samples::start_recording(std::unique_ptr<recorder> with) noexcept {
  {
    const std::lock_guard lock(mutex_);
    recorder_ = std::move(with);
  }
  is_recorded_.store(true, std::memory_order_relaxed); // a hint
}

std::unique_ptr<recorder> worker_samples::stop_recording() noexcept {
  is_recorded_.store(false, std::memory_order_relaxed); // a hint
  const std::lock_guard lock(mutex_);
  if (recorder_ != nullptr && running_)
    recorder_->add_run(hash_, label_, began_, clock::now(), 1, attempts_ + 1);
  return std::move(recorder_);
}

void worker_samples::begin_anew() noexcept {
  is_blind_.store(false, std::memory_order_relaxed); // a hint
  until_ = gap_ = drawn_ = 1;
  between_ = -1;
  last_end_ = {};
}

void worker_samples::end(clock::time_point now, std::uint32_t messages,
                         std::uint32_t behind) noexcept {
  end(now, messages, behind, false);
}

void worker_samples::end_stuck(clock::time_point now) noexcept {
  end(now, 1, 0, true);
}

void worker_samples::end(clock::time_point now, std::uint32_t messages, std::uint32_t behind,
                         bool counts) noexcept {
  timing_ = false;
  const auto calls = std::max(messages, 1u);
  const auto gap = gap_;
  if (until_ <= calls) { // the next gap is another one
    if (last_end_ != clock::time_point{}) {
      const auto between = in_ns(now - last_end_) / (drawn_ - until_ + calls);
      between_ = between_ < 0 ? between : between_ + (between - between_) / 8;
    }
    last_end_ = now;
  }
  const auto drawn = draw(calls);
  const std::lock_guard lock(mutex_);
  running_ = false;
  if (recorder_ != nullptr)
    recorder_->add_run(hash_, label_, began_, now, messages, attempts_ + 1);
  // A part of what was not drawn may be in sums that are gone: then so is the rest.
  if (drawn != 0 || counts || counted_ != began_)
    add(now, std::max(1.0, drawn * gap / calls), messages, behind, true);
  others_.clear();
}

double worker_samples::draw(std::uint32_t messages) noexcept {
  double drawn = 0;
  while (until_ <= messages) {
    messages -= until_;
    ++drawn;
    const auto gap = between_ < 0 ? 1 : in_ns(tuning::between_samples) / std::max(between_, 1.0);
    gap_ = static_cast<std::uint32_t>(std::clamp(gap, 1.0, tuning::most_between_samples));
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    until_ = 1 + static_cast<std::uint32_t>(random_ % (2 * gap_ - 1)); // gap_ in the mean
  }
  until_ -= messages;
  if (drawn != 0)
    drawn_ = until_;
  return drawn;
}

void worker_samples::add(clock::time_point now, double weight, std::uint32_t messages,
                         std::uint32_t behind, bool is_over) noexcept {
  auto& sums = *sums_;
  const auto service = weight * in_ns(now - counted_);
  const auto count = weight * messages;
  const auto chance = 1 / weight;
  sums.service += service;
  sums.messages += count;
  if (messages != 0) {
    sums.handler.add(std::chrono::nanoseconds(now - began_).count() / messages, count);
    sums.latency.add(std::chrono::nanoseconds(now - came_).count(), count);
  }
  const auto note = [&](top_keys& keys, double value, std::uint64_t hash, const std::string& label,
                        double cost, std::uint32_t left) {
    if (value <= 0)
      return;
    auto& key = keys.add(hash, value, (1 - chance) * value * value);
    key.messages += count;
    key.service += service;
    key.waited += cost;
    if (is_shared_) {
      key.shared += count;
      key.shared_service += service;
    }
    if (messages != 0)
      key.handled += weight * in_ns(now - began_);
    if (messages != 0 || !is_over)
      key.depth = left;
    if (key.label.empty()) {
      try {
        key.label = label;
      } catch (...) { // no memory: it has none
      }
    }
  };
  const auto note_all = [&](std::uint64_t hash, const std::string& label, std::uint32_t left) {
    const auto cost = service * (left + (messages != 0 ? (messages - 1) / 2.0 : 0.0));
    sums.cost += cost;
    note(sums.by_service, service, hash, label, cost, left);
    note(sums.by_messages, count, hash, label, cost, left);
    note(sums.by_cost, cost, hash, label, cost, left);
  };
  note_all(hash_, label_, behind);
  for (const auto& each : others_) {
    const auto left = each.unfinished->load(std::memory_order_relaxed); // a hint
    note_all(each.hash, each.label, left - std::min(left, is_over ? messages : 1));
  }
}

void worker_samples::note_held(ended_hold&& key) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (recorder_ != nullptr)
      recorder_->add_hold(key.hash, key.label, key.begun, key.ended, key.why, key.attempts);
  }
  if (key.messages > 1)
    note_wait(key.hash, (key.ended - key.counted_until) * (key.messages - 1), std::move(key.label));
}

void worker_samples::note_wait(std::uint64_t hash, clock::duration waited,
                               std::string&& label) noexcept {
  const auto value = in_ns(waited);
  if (value <= 0)
    return;
  const std::lock_guard lock(mutex_);
  sums_->cost += value;
  auto& entry = sums_->by_cost.add(hash, value, 0);
  entry.waited += value;
  if (entry.label.empty())
    entry.label = std::move(label);
  for (auto* keys : {&sums_->by_service, &sums_->by_messages})
    if (auto* const found = keys->find(hash))
      found->waited += value;
}

bool worker_samples::times_now(std::uint64_t hash, clock::time_point& since) noexcept {
  const std::lock_guard lock(mutex_);
  since = began_;
  return running_ &&
         (hash_ == hash || std::ranges::find(others_, hash, &another_key::hash) != others_.end());
}

bool worker_samples::runs_now(const void* lane, clock::time_point& since) noexcept {
  if (lane_.load(std::memory_order_relaxed) != lane) // only compared
    return false;
  const std::lock_guard lock(mutex_);
  since = running_ ? began_ : clock::time_point{};
  return true;
}

std::size_t worker_samples::take(std::unique_ptr<window_sums>& empty, clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (running_ && now > counted_) { // not what it stands for: that is known when it has ended
    const auto unfinished =
        unfinished_ == nullptr ? 0 : unfinished_->load(std::memory_order_relaxed); // a hint
    add(now, 1, 0, unfinished - std::min(unfinished, 1u), false);
    counted_ = now;
  }
  sums_.swap(empty);
  if (empty->service <= 0)
    is_blind_.store(true, std::memory_order_relaxed); // a hint
  return running_ ? 1 + others_.size() : 0;
}

// ---- merged_keys ----

void merged_keys::add(const top_keys& of_a_worker) {
  const auto least = of_a_worker.least();
  least_ += least;
  for (const auto& each : of_a_worker.entries()) {
    const auto [found, is_new] = index_.emplace(each.hash, keys_.size());
    if (is_new) {
      keys_.push_back({each, least});
      continue;
    }
    auto& sum = keys_[found->second];
    sum.value += each.value;
    sum.error += each.error;
    sum.variance += each.variance;
    sum.messages += each.messages;
    sum.service += each.service;
    sum.handled += each.handled;
    sum.waited += each.waited;
    sum.shared += each.shared;
    sum.shared_service += each.shared_service;
    sum.depth = std::max(sum.depth, each.depth);
    sum.missing += least;
    if (sum.label.empty())
      sum.label = each.label;
  }
}

std::vector<merged_keys::key> merged_keys::sorted() {
  for (auto& each : keys_)
    each.missing = least_ - each.missing; // those that do not have it
  std::sort(keys_.begin(), keys_.end(),
            [](const key& a, const key& b) { return a.value > b.value; });
  return std::move(keys_);
}

} // namespace convoy::detail
