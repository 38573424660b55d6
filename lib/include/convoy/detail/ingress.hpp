#pragma once

// The way in: from a submit to a published ticket, waiting and refusing included. Everything here
// is for any thread.

#include "convoy/detail/lane_run.hpp"
#include "convoy/status.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace convoy::detail {

template <class Key, class Message, class State, class Hash, class Equal>
class ingress final : public tenant {
public:
  using core_type = detail::core<Key, Message, State, Hash, Equal>;
  using partition_type = partition<Key, Message, State, Hash, Equal>;

  static constexpr std::size_t most_partitions = 1024;

  /// `count` must be a power of two.
  ingress(core_type& core, std::size_t count) : core_(core) {
    for (std::size_t i = 0; i < count; ++i)
      partitions_.push_back(std::make_unique<partition_type>(
          core_, core.capacity / count + (i < core.capacity % count ? 1 : 0)));
  }
  ingress(const ingress&) = delete;
  ingress& operator=(const ingress&) = delete;

  /// Closed and drained; waits until no pump touches it.
  ~ingress() {
    for (auto& p : partitions_)
      while (!p->take_role()) // a pump is about to leave it
        std::this_thread::sleep_for(std::chrono::microseconds(20));
    core_.scheduler.wait_until_left(&core_);
  }

  template <class Source>
  [[nodiscard]] submit_status submit_waiting(const Key& key, Source&& message) {
    auto status = emplace(key, std::forward<Source>(message));
    if (status == submit_status::accepted || status == submit_status::closed || on_worker_thread())
        [[likely]]
      return status;
    core_.room.wait([&] {
      status = emplace(key, std::forward<Source>(message)); // moves only when it accepts
      return status == submit_status::accepted || status == submit_status::closed;
    });
    return status;
  }

  /// Constructs a message of `key` from `source` in its place, or says why not.
  template <class Source>
  [[nodiscard]] submit_status emplace(const Key& key, Source&& source) {
    const auto hash = core_.hash(key);
    auto& p = *partitions_[index_of(hash)];
    if (p.limit && !p.limit->has_room(key)) [[unlikely]]
      return p.ring.closed() ? submit_status::closed : submit_status::key_full;
    std::uint64_t ticket = 0;
    if (const auto status = claim(p, 1, ticket); status != submit_status::accepted) [[unlikely]]
      return status;
    if (!fill(p, ticket, hash, key, std::forward<Source>(source)))
      return submit_status::key_full;
    p.signal();
    return submit_status::accepted;
  }

  /// See processor::submit_bulk.
  template <std::ranges::input_range Range>
  [[nodiscard]] bulk_result submit_all(Range&& range);

  /// See processor::drain.
  void drain() {
    if (on_worker_thread())
      throw std::logic_error("convoy: drain() (or a processor's destructor) inside a handler would "
                             "wait for that handler; "
                             "drain from a thread outside the runtime");
    std::vector<std::uint64_t> until;
    until.reserve(partitions_.size());
    for (auto& p : partitions_) {
      until.push_back(p->ring.tickets());
      if (p->drained() < until.back())
        p->request_drain(until.back());
    }
    core_.drained.wait([&] {
      for (std::size_t i = 0; i < until.size(); ++i)
        if (partitions_[i]->drained() < until[i])
          return false;
      return true;
    });
  }

  /// Whatever is parked, or will be, becomes dead letters.
  void end() noexcept {
    if (!core_.failures)
      return;
    core_.ending.store(true, std::memory_order_relaxed); // before it rings
    for (auto& p : partitions_)
      p->ring_alarm();
  }

  /// See processor::resume.
  void resume(const Key& key) {
    using command = typename partition_type::command_type;
    const auto hash = core_.hash(key);
    partitions_[index_of(hash)]->post(std::make_unique<command>(
        [key, hash](auto& lanes) { lanes.resume(key, static_cast<std::uint32_t>(hash)); }));
  }

  /// See processor::close.
  void close() noexcept {
    for (auto& p : partitions_)
      p->ring.close();
    core_.room.notify();
  }

  [[nodiscard]] bool has_spares() const noexcept override {
    return std::ranges::any_of(partitions_, [](const auto& p) { return p->has_spares(); });
  }
  [[nodiscard]] bool trim(pump& self) noexcept override {
    bool all = true;
    for (auto& p : partitions_)
      all &= p->trim(self);
    return all;
  }

private:
  static constexpr std::size_t bulk_chunk = 256;

  [[nodiscard]] std::size_t index_of(std::uint64_t hash) const noexcept {
    return (hash >> 48) & (partitions_.size() - 1);
  }

  [[nodiscard]] submit_status claim(partition_type& p, std::uint64_t count, std::uint64_t& ticket) {
    while ((ticket = p.ring.claim(count)) >= p.ring.void_tickets)
      [[unlikely]] {
        if (ticket == p.ring.void_tickets)
          p.signal();
        if (p.ring.closed())
          return submit_status::closed;
        if (!p.ring.grow(count) && !borrow_credit(p, count))
          return submit_status::full;
      }
    return submit_status::accepted;
  }

  /// Publishes a ticket with a message; void, if constructing the message throws or its key has
  /// become full since we looked: then false.
  template <class Source>
  static bool fill(partition_type& p, std::uint64_t ticket, std::uint64_t hash, const Key& key,
                   Source&& source) {
    struct publisher {
      partition_type& p;
      const Key& key;
      std::uint64_t ticket;
      typename partition_type::ring_type::cell& cell = p.ring.at(ticket);
      bool counted = false, has_key = false, has_message = false;

      ~publisher() {
        if (has_message) [[likely]]
          p.ring.publish(cell, ticket);
        else
          give_up();
      }
      void give_up() noexcept {
        if (has_key)
          std::destroy_at(&cell.key);
        if (counted)
          p.limit->remove(key, 1);
        p.ring.publish_void(ticket);
        p.signal();
      }
    } publish{p, key, ticket};
    if (p.limit) [[unlikely]] {
      publish.counted = p.limit->add(key);
      if (!publish.counted)
        return false;
    }
    publish.cell.set_hash(hash);
    std::construct_at(&publish.cell.key, key);
    publish.has_key = true;
    std::construct_at(&publish.cell.message, std::forward<Source>(source));
    publish.has_message = true;
    return true;
  }

  /// Credit is counted per partition; moves what the others do not use to `to`. False: the
  /// processor is full.
  [[nodiscard]] bool borrow_credit(partition_type& to, std::uint64_t count) noexcept {
    const std::lock_guard lock(borrowing_);
    std::uint64_t credit = 0;
    for (auto& p : partitions_)
      if (p.get() != &to)
        credit += p->ring.take_credit();
    if (credit != 0)
      to.ring.add_credit(credit);
    return to.ring.has_credit(count); // somebody may have borrowed for us while we waited
  }

  /// An element's message, as an rvalue if it may be moved from; what the element only refers to is
  /// copied.
  template <bool Move, class Element>
  [[nodiscard]] static decltype(auto) message_of(Element& element) noexcept {
    if constexpr (Move)
      return std::get<1>(std::move(element));
    else
      return std::get<1>(element);
  }

  template <bool Move, class Iterator>
  [[nodiscard]] bool submit_some(Iterator at, std::size_t count, bulk_result& result);

  /// One chunk of a bulk, all or nothing: false if it does not fit, then nothing was submitted.
  template <bool Move, class Iterator>
  [[nodiscard]] bool submit_chunk(Iterator first, std::size_t count);

  core_type& core_;
  std::vector<std::unique_ptr<partition_type>> partitions_;
  std::mutex borrowing_; // credit on its way to a partition must not look like a full processor
};

template <class Key, class Message, class State, class Hash, class Equal>
template <std::ranges::input_range Range>
bulk_result ingress<Key, Message, State, Hash, Equal>::submit_all(Range&& range) {
  using reference = std::ranges::range_reference_t<Range>;
  bulk_result result;
  auto at = std::ranges::begin(range);
  const auto end = std::ranges::end(range);
  if constexpr (std::is_reference_v<reference> && std::ranges::forward_range<Range>) {
    // Elements of a container that the caller gave up may be moved from, though they are lvalues.
    constexpr bool given_up =
        std::is_rvalue_reference_v<reference> || // std::move_iterator says so itself
        (!std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>> &&
         !std::is_const_v<std::remove_reference_t<reference>>);
    while (at != end) {
      auto next = at;
      std::size_t count = 0;
      for (; count < bulk_chunk && next != end; ++next)
        ++count;
      if (!submit_some<given_up>(at, count, result))
        break;
      at = next;
    }
  } else { // elements made on the fly: each is made once, and those that are not accepted are gone
    std::vector<std::remove_cvref_t<reference>> made;
    made.reserve(bulk_chunk);
    while (at != end) {
      made.clear();
      for (; made.size() < bulk_chunk && at != end; ++at)
        made.push_back(*at);
      if (!submit_some<true>(made.begin(), made.size(), result))
        break;
    }
  }
  return result;
}

/// `count` elements, as one chunk if they fit, else one at a time, with waiting. False: refused in
/// between.
template <class Key, class Message, class State, class Hash, class Equal>
template <bool Move, class Iterator>
bool ingress<Key, Message, State, Hash, Equal>::submit_some(Iterator at, std::size_t count,
                                                            bulk_result& result) {
  if (core_.key_capacity == 0 && submit_chunk<Move>(at, count)) {
    result.accepted += count;
    return true;
  }
  for (; count != 0; --count, ++at, ++result.accepted) {
    auto&& element = *at;
    result.status = submit_waiting(std::get<0>(element), message_of<Move>(element));
    if (result.status != submit_status::accepted)
      return false;
  }
  return true;
}

template <class Key, class Message, class State, class Hash, class Equal>
template <bool Move, class Iterator>
bool ingress<Key, Message, State, Hash, Equal>::submit_chunk(Iterator first, std::size_t count) {
  std::array<std::uint64_t, bulk_chunk> hashes;
  std::array<std::uint16_t, bulk_chunk> touched; // partitions, in the order of their first element
  std::array<std::uint64_t, most_partitions>
      next; // by partition: first how many, then the next ticket
  std::array<std::uint16_t, most_partitions> left;
  std::fill_n(left.begin(), partitions_.size(), std::uint16_t{0});
  std::size_t touched_count = 0;
  auto at = first;
  for (std::size_t i = 0; i < count; ++i, ++at) {
    hashes[i] = core_.hash(std::get<0>(*at));
    const auto p = index_of(hashes[i]);
    if (left[p]++ == 0)
      touched[touched_count++] = static_cast<std::uint16_t>(p);
  }
  // Tickets for nothing would keep their credit until the drainer comes.
  for (std::size_t i = 0; i < touched_count; ++i)
    if (!partitions_[touched[i]]->ring.has_credit(left[touched[i]]))
      return false;
  struct claims { // whatever happens, every ticket is published and every partition told
    ingress& self;
    std::array<std::uint16_t, bulk_chunk>& touched;
    std::array<std::uint64_t, most_partitions>& next;
    std::array<std::uint16_t, most_partitions>& left;
    std::size_t count = 0;
    ~claims() {
      for (std::size_t i = 0; i < count; ++i) {
        auto& p = *self.partitions_[touched[i]];
        for (; left[touched[i]] != 0; --left[touched[i]])
          p.ring.publish_void(next[touched[i]]++);
        p.signal();
      }
    }
  } claimed{*this, touched, next, left};
  for (; claimed.count < touched_count; ++claimed.count) {
    const auto p = touched[claimed.count];
    if (claim(*partitions_[p], left[p], next[p]) != submit_status::accepted)
      return false;
  }
  at = first;
  for (std::size_t i = 0; i < count; ++i, ++at) {
    const auto p = index_of(hashes[i]);
    auto&& element = *at;
    --left[p];
    const auto ticket = next[p]++;
    fill(*partitions_[p], ticket, hashes[i], std::get<0>(element), message_of<Move>(element));
  }
  return true;
}

} // namespace convoy::detail
