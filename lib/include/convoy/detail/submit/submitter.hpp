#pragma once

// The way in: from a submit to a published ticket, waiting and refusing included. Everything here
// is for any thread.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/thread_sanitizer.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/run/run_lane.hpp"
#include "convoy/scheduled.hpp"
#include "convoy/status.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace convoy::detail {

template <class Core>
class key_finder;

template <class Core>
class submitter final : public trimmable {
  using Key = typename Core::key_type;
  using Message = typename Core::message_type;
  using State = typename Core::state_type;

public:
  using core_type = Core;
  using partition_type = typename Core::partition_type;

  /// `count` must be a power of two.
  submitter(core_type& core, std::size_t count) : core_(core), index_mask_(count - 1) {
    for (std::size_t i = 0; i < count; ++i) {
      partitions_.push_back(std::make_unique<partition_type>(
          core_, core.options.capacity / count + (i < core.options.capacity % count ? 1 : 0)));
      if (partitions_.back()->limits)
        partitions_.back()->ring.limit_keys();
    }
    if (core.make_resumer != nullptr)
      for (auto& p : partitions_)
        core.places.partitions.push_back(&p->own_alarm());
    if (waits_for_times())
      use_alarms();
  }
  submitter(const submitter&) = delete;
  submitter& operator=(const submitter&) = delete;

  /// Closed and drained; waits until no pump touches it.
  ~submitter() {
    if (core_.scheduler.is_inherited()) { // threads that are not here may be in the midst of it
      for (auto& p : partitions_)
        (void)p.release();
      return;
    }
    for (auto& p : partitions_)
      while (!p->take_role()) // somebody is about to leave it
        sleep_for(tuning::straggler_nap);
    core_.scheduler.wait_until_left(&core_);
    tell_received(&core_);
  }

  template <class Source>
  [[nodiscard]] submit_status submit_waiting(const Key& key, Source&& message) {
    const auto status = emplace(key, std::forward<Source>(message)); // moves only when it accepts
    if (status == submit_status::accepted) [[likely]]
      return status;
    return with_waiting(status, key, [&] { return emplace(key, std::forward<Source>(message)); });
  }

  /// Constructs a message of `key` from `source` in its place, or says why not. `again`: a message
  /// that was accepted before and comes back.
  template <class Source>
  [[nodiscard]] submit_status emplace(const Key& key, Source&& source, bool again = false) {
    const auto hash = core_.scattered_hash(key);
    auto& p = *partitions_[index_of(hash)];
    if (p.ring.must_look()) [[unlikely]]
      return emplace_looking(p, p.ring.no_ticket, hash, key, std::forward<Source>(source), again);
    const auto ticket = p.ring.take_ticket();
    if (!p.ring.may_carry(ticket)) [[unlikely]]
      return emplace_looking(p, ticket, hash, key, std::forward<Source>(source), again);
    fill(p, ticket, p.ring.at(ticket), hash, key, std::forward<Source>(source));
    p.signal();
    return submit_status::accepted;
  }

  /// See processor::submit_bulk.
  template <std::ranges::input_range Range>
  [[nodiscard]] bulk_result submit_all(Range&& range);

  /// See processor::drain.
  void drain() {
    refuse_on_worker();
    std::vector<std::uint64_t> until;
    until.reserve(partitions_.size());
    for (auto& p : partitions_) {
      until.push_back(p->ring.tickets());
      if (p->drained() < until.back())
        p->request_drain(until.back());
    }
    std::size_t i = 0;
    core_.drained.wait([&] { // one after another: each notifies once
      while (i < until.size() && partitions_[i]->await_drained(until[i]))
        ++i;
      return i == until.size();
    });
  }

  /// See processor::submit_joint; in submitter_joint.hpp.
  template <class Source>
  [[nodiscard]] submit_status submit_joint(std::span<const Key> keys, Source&& message, bool waits,
                                           bool again = false);

  // ---- see processor; in submitter_control.hpp ----

  /// To be called before something waits for a time. Throws as scheduler::add_alarm().
  [[gnu::cold]] void use_alarms();
  template <class Source>
  [[nodiscard]] scheduled submit_at(const Key& key, clock::time_point at, Source&& message);
  [[gnu::cold]] [[nodiscard]] bulk_result resubmit(const Key& key, std::span<Message> messages,
                                                   place where);
  [[gnu::cold]] void control(wish what, const Key& key, std::function<void()> then);
  [[gnu::cold]] void fence(std::function<void()> then);
  [[gnu::cold]] [[nodiscard]] explanation explain(const Key& key, clock::time_point until);
  /// Of a key of which only the scattered hash is known.
  [[gnu::cold]] [[nodiscard]] explanation explain_hash(std::uint64_t scattered,
                                                       clock::time_point until);
  [[gnu::cold]] void explain(const Key& key, std::function<void(const explanation&)> then);
  /// With insight. Has what lanes have noted now; not where no drainer does it until then. Throws
  /// std::bad_alloc.
  [[gnu::cold]] void survey(clock::time_point until);
  /// With insight. See processor::what_if.
  [[gnu::cold]] [[nodiscard]] forecast what_if(const Key& key, const change& wanted,
                                               clock::time_point until);
  void drain(const Key& key);
  [[gnu::cold]] void end() noexcept;
  [[nodiscard]] bool closed() const noexcept { return partitions_.back()->ring.closed(); }
  [[gnu::cold]] void drain_closed(); ///< as drain(); needs no memory. The destructor's
  [[gnu::cold]] void abandon() noexcept;
  /// Of a closed processor: waits until all messages are finished, and the callbacks called that
  /// were asked for before end(). Others may go on asking. False: it was `deadline` before.
  [[gnu::cold]] bool finish_until(clock::time_point deadline) noexcept;
  /// Likewise, and nobody else asks.
  [[gnu::cold]] void finish_all() noexcept;
  [[gnu::cold]] [[nodiscard]] convoy::account account() const noexcept;

  /// See processor::close.
  [[gnu::cold]] void close() noexcept {
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

  using partitions_type = std::vector<std::unique_ptr<partition_type>>;
  [[nodiscard]] const partitions_type& partitions() const noexcept { return partitions_; }

  void refuse_on_worker() const { core_.scheduler.refuse_to_wait(); }

private:
  /// Calls look(p), which must not throw, in the drainer's role. Nothing: nobody has it until then.
  template <class Result>
  [[gnu::cold]] [[nodiscard]] std::optional<Result>
  look_at(partition_type& p, std::function<Result(partition_type&)> look, clock::time_point until);
  [[nodiscard]] auto explainer(key_finder<Core> find);
  [[nodiscard]] auto explainer(const seen_key& so_far);
  /// Or nobody is left who may know more.
  [[nodiscard]] bool is_told(const seen_key& seen) const noexcept {
    return seen.is_all() || seen.asked == partitions_.size();
  }
  [[nodiscard]] std::size_t after(std::size_t partition) const noexcept {
    return (partition + 1) % partitions_.size();
  }
  struct question;
  void explain_in(std::size_t which, std::function<seen_key(partition_type&)> look,
                  std::shared_ptr<const question> asked);
  void explain_next(std::size_t next, seen_key seen, const std::shared_ptr<const question>& asked);
  [[gnu::cold]] [[nodiscard]] explanation explain(const key_finder<Core>& find,
                                                  clock::time_point until);
  void explain_worker(std::uint64_t scattered, explanation& why);
  void explain_limits(const Key& key, explanation& why);

  /// All tickets below are finished. If not, it is asked for.
  [[nodiscard]] static bool is_finished(partition_type& p, std::uint64_t tickets) noexcept;

  /// Of a scattered hash.
  [[nodiscard]] std::size_t index_of(std::uint64_t hash) const noexcept {
    return (hash >> 48) & index_mask_;
  }

  /// Takes tickets that may carry messages, or says why not.
  [[nodiscard]] submit_status claim(partition_type& p, std::uint64_t count, std::uint64_t& ticket) {
    for (;;) {
      if (p.ring.closed())
        return submit_status::closed;
      if (!p.ring.grow(count) && !borrow_credit(p, count))
        return submit_status::full;
      if (claim_once(p, count, ticket))
        return submit_status::accepted;
    }
  }
  /// As ring.claim(). If the tickets are void: signals the drainer, and wakes producers that saw
  /// the tickets before their credit came back.
  [[nodiscard]] bool claim_once(partition_type& p, std::uint64_t count, std::uint64_t& ticket) {
    ticket = p.ring.claim(count);
    if (ticket != p.ring.no_ticket) [[likely]]
      return true;
    p.signal();
    if (count != 1) // a single one is tried again, and takes the credit that others may have missed
      core_.room.notify();
    return false;
  }

  [[nodiscard]] bool waits_for_times() const noexcept {
    const auto& o = core_.options;
    bool state_goes = false;
    if constexpr (!std::is_void_v<State>)
      state_goes = o.state.idle != std::chrono::nanoseconds::max();
    return core_.handles_failures || o.joint || state_goes || o.linger.count() != 0 ||
           partitions_.front()->must_sweep();
  }

  using cell_type = typename partition_type::ring_type::cell;

  /// A ticket that will be published: with a message, or void if that could not be constructed.
  class publication {
  public:
    publication(partition_type& p, std::uint64_t ticket, cell_type& cell) noexcept
        : p_(p), ticket_(ticket), cell_(cell) {}
    publication(const publication&) = delete;
    publication& operator=(const publication&) = delete;
    ~publication() {
      if (has_message_) [[likely]]
        p_.ring.publish(cell_, ticket_);
      else
        give_up();
    }

    template <class Source>
    void construct(std::uint64_t hash, const Key& key, Source&& source) {
      cell_.set_hash(fold(hash));
      std::construct_at(&cell_.key, key);
      has_key_ = true;
      std::construct_at(&cell_.message, std::forward<Source>(source));
      has_message_ = true;
    }

  private:
    [[gnu::noinline]] void give_up() noexcept {
      if (has_key_)
        std::destroy_at(&cell_.key);
      p_.ring.publish_void(ticket_);
      p_.signal();
    }

    partition_type& p_;
    const std::uint64_t ticket_;
    cell_type& cell_;
    bool has_key_ = false, has_message_ = false;
  };

  template <class Source>
  static void fill(partition_type& p, std::uint64_t ticket, cell_type& cell, std::uint64_t hash,
                   const Key& key, Source&& source) {
    publication(p, ticket, cell).construct(hash, key, std::forward<Source>(source));
  }

  /// As emplace(), where it may be refused or may have to wait for a lock. Out of line, so that the
  /// others' way stays short. `above`: a ticket above the limit, or none.
  template <class Source>
  [[nodiscard]] [[gnu::noinline]] submit_status
  emplace_looking(partition_type& p, std::uint64_t above, std::uint64_t hash, const Key& key,
                  Source&& source, bool again) {
    if (above != p.ring.no_ticket) {
      p.ring.publish_nothing(above);
      p.signal();
    }
    if (const auto status = look(p, key, source, again); status != submit_status::accepted)
      return status;
    std::uint64_t ticket = 0;
    if (!p.ring.has_room(1) || !claim_once(p, 1, ticket))
      if (const auto status = claim(p, 1, ticket); status != submit_status::accepted)
        return status;
    auto status = submit_status::accepted;
    {
      publication published(p, ticket, p.ring.at(ticket));
      const auto construct = [&] { published.construct(hash, key, std::forward<Source>(source)); };
      if (p.limits)
        status = p.limits->add(key, source, again, construct);
      else
        construct();
    }
    p.signal();
    return status;
  }

  /// A first look, so that few tickets are void.
  template <class Source>
  [[nodiscard]] submit_status look(partition_type& p, const Key& key, const Source& source,
                                   bool again) {
    if (!p.limits)
      return submit_status::accepted;
    const auto status = p.limits->look(key, source, again);
    return status != submit_status::accepted && p.ring.closed() ? submit_status::closed : status;
  }

  /// Credit is counted per partition; moves what the others do not use to `to`. False: the
  /// processor is full. As ticket_ring::grow().
  [[nodiscard]] bool borrow_credit(partition_type& to, std::uint64_t count) {
    const std::lock_guard lock(borrowing_);
    std::uint64_t credit = 0;
    for (auto& p : partitions_)
      if (p.get() != &to)
        credit += p->ring.take_credit();
    if (credit != 0)
      to.ring.add_credit(credit);
    return to.ring.grow(count); // somebody may have borrowed for us while we waited
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

  /// Sleeps as long as `attempt`, which was refused with `status`, is refused for something that
  /// passes.
  template <class Attempt>
  [[nodiscard]] [[gnu::noinline]] submit_status with_waiting(submit_status status, const Key& key,
                                                             Attempt&& attempt);

  [[gnu::cold]] [[nodiscard]] std::unique_ptr<callback> make_callback(std::function<void()> then);
  /// For a callback. Waits until it may be one more, or throws.
  [[gnu::cold]] [[nodiscard]] request_limit::permit take_permit();
  /// Where one that is asked for now counts.
  [[nodiscard]] pending_count& callbacks() noexcept {
    return core_.is_ending() ? core_.late_callbacks : core_.callbacks;
  }

  class reservation;
  /// Takes credit for messages that get no tickets yet.
  [[gnu::cold]] [[nodiscard]] bool reserve(partition_type& p, std::uint64_t count) noexcept;

  template <bool Move, class Iterator>
  [[nodiscard]] bool submit_some(Iterator& at, std::size_t count, bulk_result& result);

  class joint_plan;
  [[gnu::cold]] [[nodiscard]] submit_status make_room_for(joint_plan& plan, const Message& message,
                                                          bool again);
  template <class Source>
  [[nodiscard]] submit_status fill(joint_plan& plan, joint_message<Core>& message, Source&& source,
                                   bool again);
  template <class Source>
  [[nodiscard]] submit_status emplace_joint(std::span<const Key> keys, Source&& source, bool again);

  class shares;
  /// `count` elements of a bulk, all or nothing: false if they don't fit, then nothing was
  /// submitted. Else `at` is behind them. Counts what was accepted, also when it throws.
  template <bool Move, class Iterator>
  [[nodiscard]] bool submit_chunk(Iterator& at, std::size_t count, bulk_result& result);

  core_type& core_;
  const std::uint64_t index_mask_;
  partitions_type partitions_;
  once_flag alarms_;
  mutex borrowing_;          // credit on its way to a partition must not look like a full processor
  mutable mutex accounting_; // guards the next, and who counts what is in the rings
  mutable std::uint64_t completed_ = 0; // as far as account() has told
  mutable std::uint64_t conflated_ = 0; // likewise
};

} // namespace convoy::detail
