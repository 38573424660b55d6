#include "convoy/detail/source/intake.hpp"

#include "convoy/detail/base/tuning.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace convoy::detail {

intake::~intake() {
  for (auto& each : open_)
    retired_.push_back(std::move(each));
  open_.clear();
  drop_retired();
  if (retired_.empty())
    return;
  for (auto& each : retired_)
    (void)each.release();
  (void)room_.release();
}

assignment& intake::open(std::string name, std::uint64_t first, progress done_before,
                         assignment::maker make) {
  retired_.reserve(retired_.size() + open_.size() + 1); // so that forget() does not throw
  open_.push_back(std::make_unique<assignment>(std::move(name), options_.records, first,
                                               std::move(done_before), make, *room_));
  return *open_.back();
}

void intake::wait_for_room(clock::time_point deadline) {
  room_->wait(
      [this, deadline] {
        for (const auto* some : {&open_, &retired_})
          for (const auto& each : *some)
            each->see_releases();
        collect();
        return has_room() || clock::now() >= deadline; // at which it looks once more, and no more
      },
      deadline);
}

void intake::count(delivery& its) {
  its.gate_number = gate_number(its.key);
  ++account_.read;
  ++live_;
  bytes_ += its.bytes;
  ++its.home->records_counted;
  its.home->bytes_counted += its.bytes;
}

void intake::gone(const delivery& its) noexcept {
  --live_;
  bytes_ -= its.bytes;
  --its.home->records_counted;
  its.home->bytes_counted -= its.bytes;
  ++(its.is_dead ? account_.dead_letters : account_.handled);
}

void intake::collect() {
  for (const auto& each : open_)
    each->collect([this](const delivery& its) { gone(its); });
  drop_retired();
}

void intake::retire(assignment& its) {
  its.retire();
}

bool intake::wait_until_quiet(clock::time_point deadline, const std::function<void()>& meanwhile) {
  const auto is_quiet = [this] {
    return std::all_of(open_.begin(), open_.end(),
                       [](const auto& each) { return !each->is_retired() || each->is_quiet(); });
  };
  bool quiet = is_quiet();
  while (!quiet && clock::now() < deadline) {
    meanwhile();
    sleep_for(std::min<std::chrono::nanoseconds>(tuning::between_looks_for_quiet,
                                                 deadline - clock::now()));
    quiet = is_quiet();
  }
  collect();
  return quiet;
}

void intake::forget(assignment& its) noexcept {
  its.retire();
  its.collect([this](const delivery& done) { gone(done); });
  live_ -= its.records_counted;
  account_.given_back += its.records_counted;
  bytes_ -= its.bytes_counted;
  const auto at = std::find_if(open_.begin(), open_.end(),
                               [&](const auto& each) { return each.get() == &its; });
  retired_.push_back(std::move(*at));
  open_.erase(at);
  drop_retired();
}

void intake::drop_retired() noexcept {
  retired_count_ = retired_bytes_ = 0;
  std::erase_if(retired_, [this](const auto& each) {
    retired_bytes_ += each->drop_released();
    retired_count_ += each->in_flight();
    return each->is_over();
  });
}

void intake::clear_lanes(lane_control& lanes, clock::time_point deadline) {
  std::unordered_set<std::string_view> cleared;
  for (const auto& each : retired_)
    each->each_in_flight([&](const delivery& its) {
      if (clock::now() < deadline && cleared.insert(its.key).second)
        lanes.give_back(its.key);
    });
}

bool intake::look_for_blocked(lane_control& lanes, clock::time_point now) {
  look_for_room();
  const auto until = clock::now() + tuning::longest_look_for_blocked;
  bool ends = false;
  for (const auto& each : open_) {
    delivery* const its = each->lowest();
    if (its == nullptr || now - its->since < options_.blocked_after)
      continue;
    if (!its->told) {
      const auto within = until - clock::now();
      if (within.count() <= 0)
        continue; // next time
      tell_blocked(*each, *its, now - its->since, lanes.why_blocked(its->key, within));
    }
    // Again each time: it may have been paused. If it did not fail, it waits behind another record of
    // its key, whose attempts are not our business.
    if (options_.then == blocked::dead_letter && its->failed.load(std::memory_order_relaxed))
      lanes.try_now(its->key);
    ends = ends || options_.then == blocked::stop;
  }
  return ends;
}

void intake::tell_blocked(const assignment& of, delivery& its, std::chrono::nanoseconds since,
                          const std::string& why) {
  its.told = true;
  if (options_.then == blocked::dead_letter)
    its.condemned.store(true, std::memory_order_relaxed); // try_now() or its retry orders it
  options_.report(of.name() + " is held up by position " + std::to_string(its.position) + " for " +
                  to_text(std::chrono::duration_cast<std::chrono::seconds>(since)) + ": " + why);
}

/// Else nobody would know why nothing is read.
void intake::look_for_room() {
  if (!is_full_of_what_was_given_back()) {
    told_no_room_ = false;
    return;
  }
  for (const auto& each : retired_)
    each->each_in_flight([&](const delivery& its) {
      if (!std::exchange(told_no_room_, true))
        options_.report(
            "nothing more is read for now: " + std::to_string(retired_count_) +
            " records of partitions that are gone are in flight still, of " + each->name() +
            " position " + std::to_string(its.position) +
            " first; let their handlers return, or what has moved them away release them");
    });
}

void intake::publish(const std::function<void(const assignment&, source_position&)>& fill) {
  std::vector<source_position> now;
  now.reserve(open_.size());
  const auto time = clock::now();
  for (const auto& each : open_) {
    source_position its;
    its.name = each->name();
    its.watermark = each->marks().lowest();
    its.gaps = each->marks().gaps();
    its.in_flight = each->marks().unfinished();
    if (const delivery* const lowest = each->lowest())
      its.oldest = time - lowest->since;
    fill(*each, its);
    now.push_back(std::move(its));
  }
  const std::lock_guard lock(published_lock_);
  published_ = std::move(now);
  published_account_ = account_;
}

std::vector<source_position> intake::positions() const {
  const std::lock_guard lock(published_lock_);
  return published_;
}

source_account intake::account() const {
  const std::lock_guard lock(published_lock_);
  return published_account_;
}

} // namespace convoy::detail
