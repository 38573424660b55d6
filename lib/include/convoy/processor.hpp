#pragma once

#include "convoy/detail/core.hpp"
#include "convoy/detail/lane_run.hpp"
#include "convoy/detail/partition.hpp"
#include "convoy/runtime.hpp"
#include "convoy/status.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace convoy {

/// Handles messages in strict FIFO order per key, one at a time per key, and in parallel across
/// keys.
///
/// **Order.** If submit(k, a) returned before submit(k, b) was called, by any threads, then a is
/// handled before b, and all that the handler of a did is visible to the handler of b. Lane state
/// needs no locks.
///
/// **Handler.** Called on a runtime's workers, as one of
///   handler(message&), handler(const key&, message&), handler(const key&, std::span<message>);
/// the last gets as many consecutive messages of the key as are waiting, up to batch_limit. With a
/// State, a State& comes last: it lives with the key's lane until the processor is destroyed,
/// constructed before the key's first message. A handler may move from its messages. It may submit
/// to any processor, its own key included, and may use oneTBB. What it throws goes to on_error; the
/// message counts as handled and the lane goes on.
///
/// **Bounds.** At most `capacity` messages are unfinished, at most `key_capacity` per key. submit()
/// sleeps while that is reached, try_submit() refuses. On a worker thread (inside a handler)
/// submit() never waits, it refuses too: workers that wait for workers are a deadlock.
///
/// **Cost.** One atomic read-modify-write per submit (with a key_capacity also a short lock); no
/// allocation per message in steady state, except what copying keys and messages allocates. A key
/// without unfinished messages costs nothing, unless it has State.
///
/// Key and Message must be nothrow move constructible; Equal must not throw. All members but the
/// destructor may be called by any thread at any time. Neither copied nor moved.
template <class Key, class Message, class State = void, class Hash = std::hash<Key>,
          class Equal = std::equal_to<Key>>
class processor {
  static_assert(std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_destructible_v<Key>,
                "convoy: a key must be nothrow move constructible: it moves into its lane where "
                "nobody could catch");
  static_assert(std::is_nothrow_move_constructible_v<Message> &&
                    std::is_nothrow_destructible_v<Message>,
                "convoy: a message must be nothrow move constructible: it moves into its lane "
                "where nobody could "
                "catch; wrap it in a std::unique_ptr");
  static_assert(std::is_invocable_r_v<std::size_t, const Hash&, const Key&>,
                "convoy: the key needs a hash: specialise std::hash or name one as processor's "
                "fourth parameter");
  static_assert(std::is_invocable_r_v<bool, const Equal&, const Key&, const Key&>,
                "convoy: the key needs operator== or an equality as processor's fifth parameter");

public:
  struct options {
    std::size_t capacity = std::size_t{1} << 20; ///< unfinished messages, 1 to 2^31
    std::size_t key_capacity = 0;   ///< unfinished messages per key; 0: no limit but capacity
    unsigned partitions = 0;        ///< ingress rings, a power of two; 0: chosen by concurrency
    unsigned quantum_messages = 64; ///< handled of one lane before other lanes get a turn
    std::chrono::nanoseconds quantum_time =
        std::chrono::microseconds(100); ///< likewise, whichever comes first
    unsigned batch_limit = 64; ///< most messages that a span handler gets at once, 1 to 65535
    /// Called on a worker with what a handler threw; must not throw. Default: a line on stderr.
    std::function<void(const Key&, std::exception_ptr)> on_error = {};
  };

  /// Throws std::invalid_argument for options out of range, std::bad_alloc, and what copying Hash,
  /// Equal, Handler throws.
  template <class Handler>
  processor(runtime& where, Handler handler, options wanted = {}, Hash hash = {}, Equal equal = {})
      : core_{where.scheduler_,
              wanted.capacity,
              wanted.key_capacity,
              std::max(wanted.quantum_messages, 1u),
              wanted.quantum_time,
              std::max(wanted.batch_limit, 1u),
              std::move(wanted.on_error),
              std::move(hash),
              std::move(equal)} {
    constexpr auto form = detail::form<Handler, Key, Message, State>;
    static_assert(
        form != detail::handler_form::none,
        "convoy: the handler must be callable as (message&), (const key&, message&) or "
        "(const key&, std::span<message>), each followed by State& if the processor has one");
    if constexpr (form != detail::handler_form::none) {
      check(wanted);
      core_.handler = std::make_shared<Handler>(std::move(handler));
      core_.run_lane = &detail::run_lane<Handler, Key, Message, State, Hash, Equal>;
      make_partitions(wanted);
    }
  }

  processor(const processor&) = delete;
  processor& operator=(const processor&) = delete;

  /// Closes and drains. Must not run inside a handler, nor while another thread is in a member.
  ~processor() {
    close();
    drain();
    for (auto& p : partitions_)
      while (!p->take_role()) // a pump is about to leave it
        std::this_thread::sleep_for(std::chrono::microseconds(20));
    core_.scheduler.wait_until_left(&core_);
  }

  /// Submits a message; sleeps while the processor or the key is full. On a worker thread it
  /// refuses instead of sleeping. The message is moved from, or copied, only if it is accepted.
  /// Throws std::bad_alloc and what copying the key or the message, or hashing, throws; then
  /// nothing is submitted. Lock-free, unless it has to wait or wake a worker.
  [[nodiscard]] submit_status submit(const Key& key, Message&& message) {
    return submit_waiting(key, std::move(message));
  }
  [[nodiscard]] submit_status submit(const Key& key, const Message& message) {
    return submit_waiting(key, message);
  }

  /// As submit(), but refuses with `full` or `key_full` where submit() would wait.
  [[nodiscard]] submit_status try_submit(const Key& key, Message&& message) {
    return emplace(key, std::move(message));
  }
  [[nodiscard]] submit_status try_submit(const Key& key, const Message& message) {
    return emplace(key, message);
  }

  /// Submits pairs of key and message, in their order, with one read-modify-write per partition
  /// touched (for every some hundred pairs). Messages are moved if the range's elements are rvalues
  /// (std::move the container, or use std::move_iterator), else copied. Waits as submit() does;
  /// where it can't, the result says how many were submitted: a prefix of the range.
  template <std::ranges::input_range Range>
  [[nodiscard]] bulk_result submit_bulk(Range&& range);

  /// Returns when all messages accepted before the call are finished. Sleeps. Any number of threads
  /// may drain at once, while others submit. Throws std::logic_error on a worker thread: it would
  /// wait for itself.
  void drain() {
    if (detail::on_worker_thread())
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

  /// Refuses messages from now on; those accepted will be handled. Waiting submits return `closed`.
  /// Never blocks.
  void close() noexcept {
    for (auto& p : partitions_)
      p->ring.close();
    core_.room.notify();
  }

private:
  template <class, class, class>
  friend class keyed_executor;

  using core_type = detail::core<Key, Message, State, Hash, Equal>;
  using partition_type = detail::partition<Key, Message, State, Hash, Equal>;

  static void check(const options& wanted);
  void make_partitions(const options& wanted);

  static constexpr std::size_t bulk_chunk = 256;
  static constexpr std::size_t most_partitions = 1024;

  [[nodiscard]] std::size_t index_of(std::uint64_t hash) const noexcept {
    return (hash >> 48) & (partitions_.size() - 1);
  }

  template <class Source>
  [[nodiscard]] submit_status submit_waiting(const Key& key, Source&& message) {
    auto status = emplace(key, std::forward<Source>(message));
    if (status == submit_status::accepted || status == submit_status::closed ||
        detail::on_worker_thread()) [[likely]]
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
    if (p.limit) [[unlikely]] {
      if (p.ring.closed())
        return submit_status::closed;
      if (!p.limit->add(key))
        return submit_status::key_full;
    }
    struct uncount { // undoes add() unless accepted
      partition_type& p;
      const Key& key;
      bool accepted = false;
      ~uncount() {
        if (p.limit && !accepted) [[unlikely]]
          p.limit->remove(key, 1);
      }
    } counted{p, key};
    std::uint64_t ticket = 0;
    if (const auto status = claim(p, 1, ticket); status != submit_status::accepted) [[unlikely]]
      return status;
    fill(p, ticket, hash, key, std::forward<Source>(source));
    counted.accepted = true;
    p.signal();
    return submit_status::accepted;
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

  /// Publishes a ticket with a message; void if constructing it throws.
  template <class Source>
  static void fill(partition_type& p, std::uint64_t ticket, std::uint64_t hash, const Key& key,
                   Source&& source) {
    auto& cell = p.ring.at(ticket);
    cell.set_hash(hash);
    struct publisher {
      partition_type& p;
      typename partition_type::ring_type::cell& cell;
      std::uint64_t ticket;
      int constructed = 0;
      ~publisher() {
        if (constructed == 2) [[likely]]
          p.ring.publish(cell, ticket);
        else
          give_up();
      }
      void give_up() noexcept {
        if (constructed == 1)
          std::destroy_at(&cell.key);
        p.ring.publish_void(ticket);
        p.signal();
      }
    } publish{p, cell, ticket};
    std::construct_at(&cell.key, key);
    ++publish.constructed;
    std::construct_at(&cell.message, std::forward<Source>(source));
    ++publish.constructed;
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

  /// One chunk of a bulk, all or nothing: false if it does not fit, then nothing was submitted.
  template <bool Move, class Iterator>
  [[nodiscard]] bool submit_chunk(Iterator first, std::size_t count);

  core_type core_;
  std::vector<std::unique_ptr<partition_type>> partitions_;
  std::mutex borrowing_; // credit on its way from one partition to another must not look like a
                         // full processor
};

template <class Key, class Message, class State, class Hash, class Equal>
void processor<Key, Message, State, Hash, Equal>::check(const options& wanted) {
  if (wanted.capacity == 0 || wanted.capacity > std::size_t{1} << 31)
    throw std::invalid_argument("convoy::processor: capacity must be 1 to 2^31 messages");
  if (wanted.partitions > most_partitions || (wanted.partitions & (wanted.partitions - 1)) != 0)
    throw std::invalid_argument(
        "convoy::processor: partitions must be a power of two up to 1024, or 0 for automatic");
  if (wanted.batch_limit > 65535)
    throw std::invalid_argument("convoy::processor: batch_limit must be at most 65535");
}

template <class Key, class Message, class State, class Hash, class Equal>
void processor<Key, Message, State, Hash, Equal>::make_partitions(const options& wanted) {
  const std::size_t count =
      wanted.partitions != 0
          ? wanted.partitions
          : std::min<std::size_t>(std::bit_ceil(2 * core_.scheduler.concurrency()),
                                  most_partitions);
  for (std::size_t i = 0; i < count; ++i)
    partitions_.push_back(std::make_unique<partition_type>(
        core_, wanted.capacity / count + (i < wanted.capacity % count ? 1 : 0)));
}

template <class Key, class Message, class State, class Hash, class Equal>
template <std::ranges::input_range Range>
bulk_result processor<Key, Message, State, Hash, Equal>::submit_bulk(Range&& range) {
  using reference = std::ranges::range_reference_t<Range>;
  // An element may be moved from if it is a temporary, or if the caller gave up the container it
  // lies in.
  constexpr bool move =
      !std::is_lvalue_reference_v<reference> ||
      (!std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>> &&
       !std::is_const_v<std::remove_reference_t<reference>>);
  bulk_result result;
  auto at = std::ranges::begin(range);
  const auto end = std::ranges::end(range);
  const auto submit_one = [&] {
    auto&& element = *at;
    if constexpr (move)
      result.status = submit_waiting(std::get<0>(element), std::move(std::get<1>(element)));
    else
      result.status = submit_waiting(std::get<0>(element), std::as_const(std::get<1>(element)));
    if (result.status != submit_status::accepted)
      return false;
    ++result.accepted;
    ++at;
    return true;
  };
  while (at != end) {
    std::size_t count = 1;
    if constexpr (std::ranges::forward_range<Range>) {
      auto next = at;
      for (count = 0; count < bulk_chunk && next != end; ++next)
        ++count;
      if (core_.key_capacity == 0 && submit_chunk<move>(at, count)) {
        result.accepted += count;
        at = next;
        continue;
      }
    }
    for (; count != 0; --count) // full, or counted per key: one at a time, with waiting
      if (!submit_one())
        return result;
  }
  return result;
}

template <class Key, class Message, class State, class Hash, class Equal>
template <bool Move, class Iterator>
bool processor<Key, Message, State, Hash, Equal>::submit_chunk(Iterator first, std::size_t count) {
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
  struct claims { // whatever happens, every ticket is published and every partition told
    processor& self;
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
    --left[p];
    const auto ticket = next[p]++;
    auto&& element = *at;
    if constexpr (Move)
      fill(*partitions_[p], ticket, hashes[i], std::get<0>(element),
           std::move(std::get<1>(element)));
    else
      fill(*partitions_[p], ticket, hashes[i], std::get<0>(element),
           std::as_const(std::get<1>(element)));
  }
  return true;
}

} // namespace convoy
