#pragma once

// A joint message: one message with a place in the lanes of several keys. Its record is made by a
// producer, who takes a ticket for each place while it has the joint locks of the partitions, in
// ascending order: so two joint messages that share keys have their places in the same order in all
// of them. Each partition's drainer lets its places take their turns. From then on the lane is the
// message's (lane_state::joint), as it is a pump's while that runs it. Who is the last to
// arrive has the message, runs it or gives it to a pump, and afterwards gives all lanes back.
//
// The word missing_: places that have not had their turn yet, and 1 for a message that has stopped.
// Each drainer counts down once, after it has written what is its own in the lane; the one that
// takes the last has the message and all of its lanes, and is the only one to write the word again.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/function_ref.hpp"
#include "convoy/detail/ds/ready_queue.hpp"
#include "convoy/detail/insight/partition_levels.hpp"
#include "convoy/detail/lane/lane.hpp"
#include "convoy/detail/shared/requests.hpp"
#include "convoy/explanation.hpp"
#include "convoy/failure.hpp"
#include "convoy/joint.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <utility>

namespace convoy::detail {

template <class Core>
class joint_message;
template <class Core>
class joint_lanes;

/// The word missing_.
class arrivals_left {
public:
  /// By whoever has the message; passed on with its places or its lanes.
  void arm(std::uint32_t count) noexcept {
    missing_.store(count, std::memory_order_relaxed); // ordered by what it is passed on with
  }
  /// True: that was the last. `is_local`: all arrive in one drainer's role.
  [[nodiscard]] bool arrive(bool is_local) noexcept {
    if (is_local) {
      const auto left = missing_.load(std::memory_order_relaxed) - 1; // the role orders it
      missing_.store(left, std::memory_order_relaxed);                // likewise
      return left == 0;
    }
    // (3) acq_rel: our lane, to whoever takes the last; or all the others', to us; pairs with (3)
    return missing_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

private:
  atomic<std::uint32_t> missing_{0};
};

/// One of a joint message's, in the order of the partitions. Written by the producer, then by its
/// partition's drainer until it arrives.
template <class Core>
struct joint_place {
  joint_message<Core>* of;
  typename Core::partition_type* home;
  std::uint64_t ticket = 0;
  typename Core::lane_type* lane = nullptr; ///< known when the place has left the ring
  joint_place* next = nullptr;              ///< in its lane, behind this one
  std::uint32_t hash;
  std::uint32_t behind = 0;    ///< messages of the lane between this place and the next
  typename Core::key_type key; ///< moves into the lane if that is made for it
};

/// A joint message that has failed, or must not be handled, is the only one of a lane of its own,
/// which is in no table: its `hold`, retries, parking and dead letters are as those of others. It
/// belongs to the partition of the message's first place, but that does not run it.
template <class Core>
struct joint_lane : Core::lane_type {
  joint_lane(runner& where, const typename Core::key_type& key, std::uint32_t number,
             typename Core::message_type& message) noexcept
      : Core::lane_type(where) {
    this->key_in_cell = const_cast<typename Core::key_type*>(&key); // NOLINT: only read
    this->first.number = number;
    this->unsettled = 1;
    this->current = lane_state::joint;
    this->take_message_home(message);
  }
  std::span<const typename Core::key_type* const> keys; ///< as they were given
};

/// Which joint message has a lane, for whoever looks in other partitions for what it waits for. It
/// may be gone by then, so it is only compared.
struct joint_name {
  const ready_item* message = nullptr; ///< null: none
  const runner* home = nullptr;        ///< the lane's,
  std::uint32_t hash = 0;              ///< and its hash
  const runner* stopped_in = nullptr;  ///< it has stopped: the partition of its own lane,
  std::uint64_t ticket = 0;            ///< and its ticket there
};

/// What a partition knows of a key. If a joint message has it, others may know what that waits for;
/// and if that is a key that another joint message has, what this one waits for.
struct seen_key {
  explanation why;
  joint_name joint = {};
  bool is_of_other = false; ///< it has the other key: only why.other_state is open
  bool saw_all = true;      ///< that may tell what it waits for, of those that were asked
  std::size_t asked = 0;    ///< so many partitions, one after the other

  [[nodiscard]] bool is_all() const noexcept { return joint.message == nullptr; }
  /// In the partition that knows that it has it.
  void ask_of_other(const joint_name& its) noexcept {
    joint = its;
    is_of_other = saw_all = true;
    asked = 1;
  }

  /// Nobody is left to ask.
  [[nodiscard]] explanation end() && noexcept {
    if (!is_all() && !saw_all) {
      why.state = key_state::joint;
      why.other_state = is_of_other ? key_state::joint : key_state::no_worker;
    }
    return std::move(why);
  }
};

/// What a drainer does about joint messages: see joint_lanes, which a partition has from the first
/// one on. An interface, so that who has none does not compile it.
template <class Core>
class joint_work {
  using lane_type = typename Core::lane_type;

public:
  joint_work() = default;
  joint_work(const joint_work&) = delete;
  joint_work& operator=(const joint_work&) = delete;
  virtual ~joint_work() = default;

  /// A place is the next in the ring, and leaves it. False: it stays, as there is no memory, or others
  /// are too far behind.
  [[nodiscard]] virtual bool reach() noexcept = 0;
  /// A message was appended to a lane that needs_look().
  virtual void appended(lane_type& lane) noexcept = 0;
  /// A lane that needs_look() has come back. True: it is out still.
  [[nodiscard]] virtual bool keeps(lane_type& lane, std::uint64_t consumed) noexcept = 0;
  /// Of a lane that is resting, and was held or out. True: joint messages wait in it, or it is one
  /// that has stopped, and this has seen to it.
  [[nodiscard]] virtual bool goes_on(lane_type& lane) noexcept = 0;
  /// True: it was asked of a joint message that has stopped.
  [[nodiscard]] virtual bool serve(wish what, lane_type& lane) noexcept = 0;
  /// Of a lane that is joint.
  [[nodiscard]] virtual joint_name name_of(const lane_type& lane) const noexcept = 0;
  /// What a message that is not ready waits for, if that can be seen in this partition.
  virtual void explain(seen_key& seen) noexcept = 0;
  [[nodiscard]] virtual joint_keys keys() const noexcept = 0;
  /// Of a message that has stopped, by its own lane.
  [[nodiscard]] virtual std::uint32_t keys_of(const lane_type& stopped) const noexcept = 0;
  virtual void for_each_stopped(function_ref<void(const lane_type&)> f) const noexcept = 0;
  /// All from the first place on leaves the lane, and comes back.
  virtual void take_rest(lane_type& lane) noexcept = 0;
  virtual void put_rest(lane_type& lane) noexcept = 0;
  /// Runs those that are ready, as the drainer. False: another pump has taken the partition over.
  [[nodiscard]] virtual bool run_ready(pump& self) noexcept = 0;
  /// Gives them to pumps.
  virtual void hand_out_ready(pump& self) noexcept = 0;

  [[nodiscard]] bool any_ready() const noexcept { return !ready_.empty(); }

protected:
  ready_list ready_; // all of their places have had their turn
};

/// Memory for joint messages with few keys: it comes back by a stack that is pushed by
/// compare-and-swap and taken whole, so there is no ABA.
class joint_memory {
public:
  joint_memory() = default;
  joint_memory(const joint_memory&) = delete;
  joint_memory& operator=(const joint_memory&) = delete;
  ~joint_memory() {
    for (auto* list : {free_, returned_.load(std::memory_order_relaxed)}) // nobody else is left
      while (list != nullptr)
        ::operator delete(std::exchange(list, list->next), alignment);
  }

  static constexpr std::align_val_t alignment{cache_line};

  /// One thread at a time, always for as many bytes. Throws std::bad_alloc.
  [[nodiscard]] void* take(std::size_t bytes) {
    was_short_ |= free_ == nullptr;
    return has_free() ? pop() : ::operator new(bytes, alignment);
  }
  /// As take(). Frees up to `most` pieces, if free_ has not run short since the last time: then neither
  /// it nor what has come back was needed. False: there are more.
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    if (std::exchange(was_short_, false))
      return true;
    for (; most != 0 && has_free(); --most)
      ::operator delete(pop(), alignment);
    return most != 0;
  }
  /// Any thread.
  void give_back(void* memory) noexcept {
    auto* const mine = ::new (memory) node{returned_.load(std::memory_order_relaxed)};
    // (1) release: we are done with it; pairs with (2)
    while (!returned_.compare_exchange_weak(mine->next, mine, std::memory_order_release,
                                            std::memory_order_relaxed)) {
    }
  }

private:
  struct node {
    node* next;
  };

  [[nodiscard]] bool has_free() noexcept {
    if (free_ == nullptr)
      // (2) acquire: that its last owner is done; pairs with (1)
      free_ = returned_.exchange(nullptr, std::memory_order_acquire);
    return free_ != nullptr;
  }
  [[nodiscard]] void* pop() noexcept { return std::exchange(free_, free_->next); }

  node* free_ = nullptr;
  bool was_short_ = false; // since the last trim()
  atomic<node*> returned_{nullptr};
};

/// What a partition has for joint messages besides.
template <class Core>
struct joint_door {
  mutex lock; ///< held by who takes tickets for joint messages; guards what follows
  joint_memory memory;
  std::unique_ptr<joint_work<Core>> work; ///< made before the first place is published

  /// As a part of a spare_memory. While somebody takes tickets there is nothing to trim. Nobody asks
  /// for it: who has had many joint messages has segments of the ring to trim.
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    const std::unique_lock held(lock, std::try_to_lock);
    return !held || memory.trim(most);
  }
  [[nodiscard]] static constexpr bool has_spares() noexcept { return false; }

  /// Tickets below it have left the ring, at least. The drainer's; others look how far it is.
  alignas(cache_line) atomic<std::uint64_t> reached{0};
};

} // namespace convoy::detail
