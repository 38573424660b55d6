#pragma once

// submitter, the part about joint messages. Any thread.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/run/joint_ahead.hpp"
#include "convoy/detail/run/joint_explain.hpp"
#include "convoy/detail/run/joint_lanes.hpp"
#include "convoy/detail/run/joint_run.hpp"
#include "convoy/detail/run/joint_stops.hpp"
#include "convoy/detail/submit/submitter.hpp"
#include "convoy/detail/submit/submitter_control.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace convoy::detail {

/// What a joint message is to become: its places, in the order of their partitions; those of one
/// partition have consecutive tickets.
template <class Core>
class submitter<Core>::joint_plan {
public:
  using message_type = joint_message<Core>;
  static constexpr std::size_t most = message_type::most_keys;

  struct place {
    const Key* key;
    std::uint64_t hash; // scattered
    partition_type* home;
    std::size_t index; // of that
  };
  /// The places of a partition.
  struct group {
    partition_type* home;
    std::uint8_t begin, end;
    std::uint64_t ticket = 0; // of the first
  };

  /// Throws what hashing throws.
  joint_plan(submitter& self, std::span<const Key> keys) : self_(self), given_(keys.size()) {
    for (std::size_t i = 0; i < given_; ++i)
      place_of_[i] = add(keys[i]);
    for (std::uint8_t i = 0; i < count_; ++i) {
      auto& at = places_[order_[i]];
      if (groups_ == 0 || all_[groups_ - 1].home != at.home)
        all_[groups_++] = {at.home, i, i};
      ++all_[groups_ - 1].end;
    }
  }
  joint_plan(const joint_plan&) = delete;
  joint_plan& operator=(const joint_plan&) = delete;
  ~joint_plan() { unlock(); }

  [[nodiscard]] std::span<group> groups() noexcept { return {all_.data(), groups_}; }
  [[nodiscard]] partition_type& home() noexcept { return *all_[0].home; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] const place& at(std::size_t i) const noexcept { return places_[order_[i]]; }

  /// In ascending order, as everybody does.
  void lock() {
    for (; locked_ != groups_; ++locked_)
      all_[locked_].home->joints.lock.lock();
  }
  void unlock() noexcept {
    while (locked_ != 0)
      all_[--locked_].home->joints.lock.unlock();
  }

  /// With the locks. Throws std::bad_alloc, and what copying keys throws.
  [[nodiscard]] message_type& make() {
    for (auto& each : groups())
      if (each.home->joints.work == nullptr)
        each.home->joints.work = std::make_unique<joint_lanes<Core>>(self_.core_, *each.home);
    auto& home = *all_[0].home;
    const auto bytes = message_type::bytes(static_cast<std::uint32_t>(count_));
    void* const memory =
        count_ <= message_type::most_pooled
            ? home.joints.memory.take(message_type::bytes(message_type::most_pooled))
            : ::operator new(bytes, joint_memory::alignment);
    auto& made = *::new (memory) message_type(given_, count_ <= message_type::most_pooled);
    std::array<std::uint8_t, most> rank{};
    try {
      for (std::uint8_t i = 0; i < count_; ++i) {
        const auto& its = at(i);
        made.add_place(*its.home, *its.key, static_cast<std::uint32_t>(fold(its.hash)));
        rank[order_[i]] = i;
      }
    } catch (...) {
      message_type::destroy(made, home);
      throw;
    }
    for (std::size_t i = 0; i < given_; ++i)
      made.set_key(i, rank[place_of_[i]]);
    return made;
  }

  /// With the locks: takes a ticket for each place. False: there is no room, or it is closed; then
  /// those that it took are void.
  [[nodiscard]] bool take_tickets() noexcept {
    for (auto& each : groups()) {
      auto& ring = each.home->ring;
      const std::uint64_t count = each.end - each.begin;
      each.ticket = ring.take_ticket(count);
      if (ring.may_carry(each.ticket + (count - 1))) [[likely]]
        continue;
      ring.publish_nothing(each.ticket, count);
      each.home->signal();
      for (auto* before = all_.data(); before != &each; ++before)
        publish_void(*before);
      return false;
    }
    return true;
  }
  void publish_void() noexcept {
    for (auto& each : groups())
      publish_void(each);
  }

  void publish(message_type& message) noexcept {
    auto* const places = message.places();
    for (auto& each : groups())
      for (auto i = each.begin; i < each.end; ++i)
        places[i].ticket = each.ticket + (i - each.begin);
    message.arm(groups_ == 1);
    for (std::uint32_t i = 0; const auto& each : groups()) // from the first one on it may be gone
      for (; i < each.end; ++i) {
        const auto ticket = each.ticket + (i - each.begin);
        auto& ring = each.home->ring;
        ring.publish_place(ring.at(ticket), ticket, &message, i);
      }
  }

private:
  /// Returns which of places_ it is: one that was given before, or a new one.
  [[nodiscard]] std::uint8_t add(const Key& key) {
    const auto hash = self_.core_.scattered_hash(key);
    for (std::uint8_t i = 0; i < count_; ++i)
      if (places_[i].hash == hash && self_.core_.equal(*places_[i].key, key))
        return i;
    const auto index = self_.index_of(hash);
    places_[count_] = {&key, hash, self_.partitions_[index].get(), index};
    auto at = count_;
    for (; at != 0 && places_[order_[at - 1]].index > index; --at)
      order_[at] = order_[at - 1];
    order_[at] = count_;
    return count_++;
  }

  static void publish_void(group& each) noexcept {
    for (auto i = each.begin; i < each.end; ++i)
      each.home->ring.publish_void(each.ticket + (i - each.begin));
    each.home->signal();
  }

  submitter& self_;
  const std::size_t given_;
  std::uint8_t count_ = 0;
  std::size_t groups_ = 0;
  std::size_t locked_ = 0;
  std::array<std::uint8_t, most> place_of_; // of the keys that were given, in places_
  std::array<std::uint8_t, most> order_;    // of places_, by partition
  std::array<place, most> places_;
  std::array<group, most> all_;
};

/// Sees to it that there is room for all places, or says why not.
template <class Core>
submit_status submitter<Core>::make_room_for(joint_plan& plan, const Message& message, bool again) {
  for (auto& each : plan.groups())
    if (each.home->ring.closed())
      return submit_status::closed;
  for (std::size_t i = 0; i < plan.count(); ++i) {
    const auto& its = plan.at(i);
    if (its.home->limits) {
      const auto status = look(*its.home, *its.key, message, again);
      if (status != submit_status::accepted)
        return status;
    }
  }
  const auto grow = [&plan] {
    bool all = true;
    for (auto& each : plan.groups())
      all &= each.home->ring.grow(each.end - each.begin);
    return all;
  };
  if (grow())
    return submit_status::accepted;
  if (!reserve(*plan.groups().front().home, plan.count()))
    return submit_status::full;
  for (auto& each : plan.groups())
    each.home->ring.add_credit(each.end - each.begin);
  (void)grow(); // if others take it meanwhile we try again
  return submit_status::accepted;
}

/// Constructs the message: it is counted in the limits of all its keys, or of none.
template <class Core>
template <class Source>
submit_status submitter<Core>::fill(joint_plan& plan, joint_message<Core>& message, Source&& source,
                                    bool again) {
  const auto construct = [&] { std::construct_at(&message.message, std::forward<Source>(source)); };
  if (!partitions_.front()->limits)
    return construct(), submit_status::accepted;
  std::size_t added = 0;
  const auto take_back = [&] {
    while (added-- != 0)
      if (auto& limits = *plan.at(added).home->limits; again)
        limits.remove(*plan.at(added).key, 1);
      else
        limits.take_back(*plan.at(added).key, source);
  };
  try {
    for (; added != plan.count(); ++added) {
      const auto& its = plan.at(added);
      const auto status = its.home->limits->add(*its.key, source, again, [&] {
        if (added + 1 == plan.count())
          construct();
      });
      if (status != submit_status::accepted)
        return take_back(), status;
    }
  } catch (...) {
    take_back();
    throw;
  }
  return submit_status::accepted;
}

template <class Core>
template <class Source>
submit_status submitter<Core>::emplace_joint(std::span<const Key> keys, Source&& source,
                                             bool again) {
  using message_type = joint_message<Core>;
  joint_plan plan(*this, keys);
  if (plan.count() > core_.options.capacity)
    throw std::invalid_argument("convoy::processor::submit_joint: a message of " +
                                std::to_string(plan.count()) +
                                " keys needs a place for each, and options::capacity is " +
                                std::to_string(core_.options.capacity));
  bool looks = false;
  for (auto& each : plan.groups())
    looks |= each.home->ring.must_look() || !each.home->ring.has_room(each.end - each.begin);
  for (;; looks = true) {
    const auto room = looks ? make_room_for(plan, source, again) : submit_status::accepted;
    if (room != submit_status::accepted) [[unlikely]]
      return room;
    plan.lock();
    auto& message = plan.make();
    if (!plan.take_tickets()) [[unlikely]] { // others took the room
      message_type::destroy(message, plan.home());
      plan.unlock();
      core_.room.notify(); // somebody may have seen the tickets before their credit
      continue;
    }
    const auto give_up = [&] {
      plan.publish_void();
      message_type::destroy(message, plan.home());
      plan.unlock();
      core_.room.notify();
    };
    try {
      if (const auto status = fill(plan, message, std::forward<Source>(source), again);
          status != submit_status::accepted)
        return give_up(), status;
    } catch (...) {
      give_up();
      throw;
    }
    plan.publish(message);
    plan.unlock();
    for (auto& each : plan.groups())
      each.home->signal();
    return submit_status::accepted;
  }
}

template <class Core>
template <class Source>
submit_status submitter<Core>::submit_joint(std::span<const Key> keys, Source&& message, bool waits,
                                            bool again) {
  if (!core_.options.joint)
    throw std::logic_error("convoy::processor::submit_joint needs a handler of joint messages: set "
                           "options::joint");
  if (keys.empty() || keys.size() > joint_plan::most)
    throw std::invalid_argument("convoy::processor::submit_joint takes 1 to 16 keys, and got " +
                                std::to_string(keys.size()));
  const auto status =
      emplace_joint(keys, std::forward<Source>(message), again); // moves if it accepts
  if (status == submit_status::accepted || !waits) [[likely]]
    return status;
  return with_waiting(status, keys.front(), [&] {
    const auto next = emplace_joint(keys, std::forward<Source>(message), false);
    if (next == submit_status::key_rate) // of whichever key
      sleep_for(tuning::joint_rate_nap);
    return next;
  });
}

} // namespace convoy::detail
