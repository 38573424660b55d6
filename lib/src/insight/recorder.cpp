#include "convoy/detail/insight/recorder.hpp"

#include "convoy/detail/insight/insight.hpp"
#include "convoy/detail/insight/top_keys.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace convoy::detail {

namespace {

std::uint16_t short_count(unsigned count) noexcept {
  return static_cast<std::uint16_t>(
      std::min<unsigned>(count, std::numeric_limits<std::uint16_t>::max()));
}

} // namespace

std::int64_t recorder::at(clock::time_point when) const noexcept {
  const std::chrono::nanoseconds since = std::max(when, begin_) - begin_;
  return since.count();
}

std::uint32_t recorder::label_of(std::uint64_t hash, const std::string& label) {
  if (const auto found = index_.find(hash); found != index_.end())
    return found->second;
  const auto number = static_cast<std::uint32_t>(of_it_.labels.size());
  of_it_.labels.push_back(label.empty() ? hash_label(hash) : label);
  try {
    index_.emplace(hash, number);
  } catch (...) {
    of_it_.labels.pop_back();
    throw;
  }
  return number;
}

void recorder::add_run(std::uint64_t hash, const std::string& label, clock::time_point begun,
                       clock::time_point ended, std::uint32_t messages, unsigned attempt) noexcept {
  try {
    if (has_room())
      of_it_.slices.push_back({.begun = at(begun),
                               .ended = at(ended),
                               .label = label_of(hash, label),
                               .messages = std::max(messages, 1u),
                               .worker = worker_,
                               .attempt = short_count(attempt),
                               .failed = messages == 0});
  } catch (...) { // no memory
    ++of_it_.dropped;
  }
}

void recorder::add_hold(std::uint64_t hash, const std::string& label, clock::time_point begun,
                        clock::time_point ended, hold_reason why, unsigned attempts) noexcept {
  try {
    if (has_room())
      of_it_.holds.push_back({.begin = at(begun),
                              .end = at(ended),
                              .label = label_of(hash, label),
                              .reason = why,
                              .attempts = short_count(attempts)});
  } catch (...) { // no memory
    ++of_it_.dropped;
  }
}

void recorder::add_to(recording& all,
                      std::unordered_map<std::uint64_t, std::uint32_t>& index) const {
  std::vector<std::uint32_t> labels(of_it_.labels.size()); // theirs, for each of ours
  for (const auto& [hash, ours] : index_) {
    const auto [found, is_new] = index.emplace(hash, static_cast<std::uint32_t>(all.labels.size()));
    if (is_new)
      all.labels.push_back(of_it_.labels[ours]);
    labels[ours] = found->second;
  }
  for (auto slice : of_it_.slices) {
    slice.label = labels[slice.label];
    all.slices.push_back(slice);
  }
  for (auto hold : of_it_.holds) {
    hold.label = labels[hold.label];
    all.holds.push_back(hold);
  }
  all.dropped += of_it_.dropped;
}

// ---- a processor ----

void insight_base::start_recording(std::size_t most) {
  recorders_.clear();
  recorders_.reserve(workers_.size());
  recording_.emplace();
  recording_->name = name_;
  recording_->workers = scheduler_.concurrency();
  recording_->begin = clock::now();
  may_record_.store(most, std::memory_order_relaxed); // the workers' locks order it
  for (unsigned worker = 0; worker < workers_.size(); ++worker)
    workers_[worker].start_recording(
        std::make_unique<recorder>(recording_->begin, worker, may_record_));
  record_level();
}

void insight_base::record_level() {
  if (!recording_ || may_record_.load(std::memory_order_relaxed) == 0) // made since, or no room
    return;
  level sum;
  for (auto& each : levels_)
    sum += each.now();
  std::uint64_t running = 0;
  for (const auto& each : workers_)
    running += each.runs() ? 1u : 0u;
  const auto ready = sum.keys - std::min<std::uint64_t>(count_held(sum.held), sum.keys);
  const std::chrono::nanoseconds at = clock::now() - recording_->begin;
  recording_->levels.push_back(
      {.at = at.count(),
       .backlog = sum.in_ring + sum.in_lanes,
       .waiting = static_cast<std::uint32_t>(ready - std::min(running, ready)),
       .running = static_cast<std::uint32_t>(running)});
}

void insight_base::stop_recording() noexcept {
  if (!recording_ || !recorders_.empty())
    return;
  recording_->length = clock::now() - recording_->begin;
  for (auto& each : workers_)
    if (auto of_it = each.stop_recording())
      recorders_.push_back(std::move(of_it)); // there is room
}

void insight_base::give_recording(std::vector<recording>& to) {
  if (!recording_)
    return;
  survey_now(clock::now() + tuning::longest_survey);
  auto all = *std::exchange(recording_, std::nullopt);
  const auto length = all.length.count();
  std::unordered_map<std::uint64_t, std::uint32_t> index;
  for (const auto& each : std::exchange(recorders_, {}))
    each->add_to(all, index);
  add_holds(all, index);
  std::erase_if(all.slices, [&](const recording::slice& s) { return s.begun >= length; });
  std::erase_if(all.holds, [&](const recording::hold& h) { return h.begin >= length; });
  for (auto& each : all.slices)
    each.ended = std::min(each.ended, length);
  for (auto& each : all.holds)
    each.end = std::min(each.end, length);
  to.push_back(std::move(all));
}

/// Those that have not ended.
void insight_base::add_holds(recording& to,
                             std::unordered_map<std::uint64_t, std::uint32_t>& index) {
  const auto ended = to.holds.size();
  for (auto& partition : levels_)
    for (auto& each : partition.last_survey().held) {
      const auto label = each.label.empty() ? hash_label(each.hash) : each.label;
      const auto [found, is_new] =
          index.emplace(each.hash, static_cast<std::uint32_t>(to.labels.size()));
      if (is_new)
        to.labels.push_back(label);
      const auto number = found->second;
      const std::chrono::nanoseconds since = std::max(each.since, to.begin) - to.begin;
      const auto is_it = [&](const recording::hold& h) {
        return h.label == number && h.begin == since.count();
      };
      if (std::find_if(to.holds.begin(), to.holds.begin() + static_cast<std::ptrdiff_t>(ended),
                       is_it) == to.holds.begin() + static_cast<std::ptrdiff_t>(ended))
        to.holds.push_back({.begin = since.count(),
                            .end = to.length.count(),
                            .label = number,
                            .reason = each.why,
                            .attempts = short_count(each.attempts)});
    }
}

} // namespace convoy::detail
