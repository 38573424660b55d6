#pragma once

// A joint message: its record, and the call of its handler.

#include "convoy/detail/base/thread_sanitizer.hpp"
#include "convoy/detail/insight/timed_run.hpp"
#include "convoy/detail/lane/joint_message.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/detail/run/attempt.hpp"
#include "convoy/detail/run/bury.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/joint.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

namespace convoy::detail {

template <class Core>
struct stopped_joint final : joint_lane<Core> {
  /// `where` runs it: the message.
  stopped_joint(runner& where, const typename Core::key_type& key, std::uint32_t number,
                joint_message<Core>& its)
      : joint_lane<Core>(where, key, number, its.message), of(its) {}

  joint_message<Core>& of;
  std::array<const typename Core::key_type*, joint<typename Core::key_type>::most_keys> its_keys{};
};

template <class Core>
class joint_message final : public ready_item, private runner {
  using Key = typename Core::key_type;
  using Message = typename Core::message_type;
  using State = typename Core::state_type;
  using lane_type = typename Core::lane_type;
  using partition_type = typename Core::partition_type;
  using place_type = joint_place<Core>;
  using keys_type = joint<Key, State>;
  static_assert(alignof(Message) <= cache_line, "convoy: joint messages may not be over-aligned");

public:
  static constexpr std::uint32_t most_pooled = 2;
  static constexpr std::size_t most_keys = keys_type::most_keys;

  [[nodiscard]] static std::size_t bytes(std::uint32_t places) noexcept {
    return begin_of_places() + places * sizeof(place_type);
  }

  /// `given` keys, some perhaps more than once.
  joint_message(std::size_t given, bool is_pooled) noexcept
      : ready_item(static_cast<runner&>(*this)), given_(static_cast<std::uint8_t>(given)),
        is_pooled_(is_pooled) {}
  joint_message(const joint_message&) = delete;
  joint_message& operator=(const joint_message&) = delete;
  ~joint_message() {} // NOLINT: of `message` only its handler knows whether it is there

  // ---- the producer ----

  /// Throws what copying the key throws.
  void add_place(partition_type& its_home, const Key& key, std::uint32_t hash) {
    std::construct_at(places() + count_,
                      place_type{.of = this, .home = &its_home, .hash = hash, .key = key});
    ++count_;
  }
  void set_key(std::size_t given, std::uint64_t place) noexcept { which_ |= place << (4 * given); }
  /// Before a place is published. `is_local`: all are of one partition.
  void arm(bool is_local) noexcept {
    is_local_ = is_local;
    missing_.arm(count_);
  }
  [[nodiscard]] place_type* places() noexcept {
    return std::launder(static_cast<place_type*>(
        static_cast<void*>(static_cast<std::byte*>(static_cast<void*>(this)) + begin_of_places())));
  }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  /// When it came, or was released. Whoever has it.
  [[nodiscard]] coarse_time came(coarse_time to_its_lane) const noexcept {
    return stopped_ != nullptr ? stopped_->since : to_its_lane;
  }

  /// Its memory goes back to its first place's partition, whose lock the caller has or not.
  static void destroy(joint_message& gone, partition_type& its_home) noexcept {
    const bool is_pooled = gone.is_pooled_;
    std::destroy_n(gone.places(), gone.count_);
    std::destroy_at(&gone);
    if (is_pooled)
      its_home.joints.memory.give_back(&gone);
    else
      ::operator delete(static_cast<void*>(&gone), joint_memory::alignment);
  }

  union {
    Message message; ///< until it was handled, or is in stopped_
  };

  // ---- drainers ----

  /// A lane is at the place's turn. True: that was the last one, and the caller has the message.
  [[nodiscard]] bool arrive() noexcept { return missing_.arrive(is_local_); }
  /// It was doomed in one of its lanes. Before it arrives there.
  void doom(death why) noexcept {
    doom_.store(static_cast<unsigned char>(1 + static_cast<unsigned char>(why)),
                std::memory_order_relaxed); // ordered by missing_
  }
  [[nodiscard]] bool is_local() const noexcept { return is_local_; }
  /// Its name, in its home.
  [[nodiscard]] std::uint64_t ticket() noexcept { return places()->ticket; }
  [[nodiscard]] partition_type& home_partition() noexcept { return *places()->home; }

  // ---- whoever has it ----

  /// Handles it. False: it has stopped, as the hold of its own lane tells.
  [[nodiscard]] bool handle(Core& core, pump& self) noexcept;
  /// Afterwards: gives all lanes back. `mine`: the partition that the caller drains; or null.
  void leave(bool done, pump& self, joint_lanes<Core>* mine) noexcept;

private:
  [[nodiscard]] static constexpr std::size_t begin_of_places() noexcept {
    return (sizeof(joint_message) + alignof(place_type) - 1) / alignof(place_type) *
           alignof(place_type);
  }

  void run(ready_item&, pump& self) noexcept override {
    tell_received(static_cast<ready_item*>(this));
    auto& core = home_partition().core();
    self.enter(&core);
    self.note_lane();
    self.cover();
    leave(handle(core, self), self, nullptr);
    tell_passed_on(&core);
  }

  /// Of a given key.
  [[nodiscard]] lane_type& lane_of(std::size_t given) noexcept {
    return *places()[(which_ >> (4 * given)) & 15].lane;
  }
  [[nodiscard]] lane_type& first_lane() noexcept { return *places()->lane; }
  void stop(Core& core) noexcept;
  [[gnu::noinline]] [[nodiscard]] bool begin_sample(Core& core, worker_samples& of) noexcept;
  [[gnu::noinline]] void end_sample(worker_samples& of, bool is_timed, bool done) noexcept;
  [[nodiscard]] bool attempt_again(Core& core, pump& self) noexcept;
  template <class Messages>
  [[nodiscard]] outcome call(Core& core, pump& self, Messages& messages,
                             std::exception_ptr& error) noexcept;
  outcome call(Core& core, Message& its);

  arrivals_left missing_;
  const std::uint8_t given_;
  const bool is_pooled_;
  std::uint8_t count_ = 0;
  atomic<unsigned char> doom_{0}; // 0: none, else 1 + death
  bool is_local_ = false;
  std::uint64_t which_ = 0; // of the places each given key is, four bits each
  std::unique_ptr<stopped_joint<Core>> stopped_;
};

// ---- calls ----

template <class Core>
outcome joint_message<Core>::call(Core& core, Message& its) {
  std::array<const Key*, most_keys> keys;
  std::array<State*, most_keys> states;
  for (std::size_t i = 0; i < given_; ++i) {
    auto& lane = lane_of(i);
    keys[i] = &lane.key();
    if constexpr (!std::is_void_v<State>) {
      if (!lane.state)
        make_state(core, lane);
      states[i] = &*lane.state;
    }
  }
  const auto attempts =
      stopped_ != nullptr && stopped_->hold != nullptr ? stopped_->hold->attempts : 0;
  keys_type all(keys.data(), states.data(), given_, attempts + 1);
  return core.options.joint(all, its);
}

template <class Core>
template <class Messages>
outcome joint_message<Core>::call(Core& core, pump& self, Messages& messages,
                                  std::exception_ptr& error) noexcept {
  outcome result = outcome::done;
  if (core.is_watched) [[unlikely]]
    tell_started(core, first_lane(), self, messages);
  auto* const samples = core.insight == nullptr ? nullptr : &core.insight->of(self);
  const bool is_timed = samples != nullptr && begin_sample(core, *samples);
  try {
    result = call(core, messages.front());
    if (result.what() == outcome::kind::fail_rest)
      throw std::logic_error("convoy: a joint handler must not return outcome::fail_rest");
    if (result.index() != outcome::whole && result.index() != 0)
      throw std::out_of_range("convoy: a handler's outcome::at() is beyond its messages");
  } catch (...) {
    error = std::current_exception();
    result = outcome::retry;
  }
  self.running.end();
  if (samples != nullptr)
    end_sample(*samples, is_timed, result.what() == outcome::kind::done);
  if (core.is_watched) [[unlikely]]
    tell_finished(core, first_lane(), messages, result);
  return result;
}

/// As timed_run, of all of its keys. True: it is timed.
template <class Core>
bool joint_message<Core>::begin_sample(Core& core, worker_samples& of) noexcept {
  of.runs(static_cast<const ready_item*>(this));
  if (!of.must_time(1))
    return false;
  auto& first = first_lane();
  const auto* const t = stopped_ == nullptr ? nullptr : stopped_->hold;
  detail::begin_sample(core, of, first.key(), came(first.first_came()), first.unsettled.value(),
                       t == nullptr ? 0 : t->attempts);
  for (std::uint32_t i = 1; i < count_; ++i) {
    const auto& lane = *places()[i].lane;
    auto [hash, label] = called(core, lane.key());
    of.begin_also(hash, std::move(label), lane.unsettled.value());
  }
  return true;
}
template <class Core>
void joint_message<Core>::end_sample(worker_samples& of, bool is_timed, bool done) noexcept {
  if (is_timed)
    of.end(clock::now(), done ? 1 : 0, first_lane().unsettled - (done ? 1 : 0));
  else
    of.pass(1);
  of.runs(nullptr);
}

template <class Core>
bool joint_message<Core>::handle(Core& core, pump& self) noexcept {
  const auto doomed = doom_.load(std::memory_order_relaxed); // ordered by missing_
  if (stopped_ == nullptr && doomed == 0 && !needs_lane(core, message)) [[likely]] {
    message_in_cell messages(message);
    std::exception_ptr error;
    auto result = call(core, self, messages, error);
    if (result.what() == outcome::kind::done) [[likely]] {
      std::destroy_at(&message);
      return true;
    }
    stop(core);
    (void)fail_first(core, home_partition(), static_cast<lane_type&>(*stopped_), std::move(result),
                     error);
  } else {
    if (stopped_ == nullptr)
      stop(core);
    if (doomed != 0) {
      auto& t = hold::of(*stopped_, home_partition().holds);
      t.doomed = 1;
      t.why = static_cast<death>(doomed - 1);
      doom_.store(0, std::memory_order_relaxed); // only we have it
    }
    (void)attempt_again(core, self);
  }
  if (stopped_->finished == 0)
    return false;
  if (stopped_->hold != nullptr)
    hold::forget(*stopped_);
  stopped_.reset();
  return true;
}

template <class Core>
void joint_message<Core>::stop(Core&) noexcept {
  auto& lane = first_lane();
  until_there_is_memory([&] {
    stopped_ = std::make_unique<stopped_joint<Core>>(static_cast<runner&>(*this), lane.key(),
                                                     lane.next_number(), *this);
  });
  for (std::size_t i = 0; i < given_; ++i)
    stopped_->its_keys[i] = &lane_of(i).key();
  stopped_->keys = {stopped_->its_keys.data(), given_};
  stopped_->since = lane.first_came();
}

/// As attempt(), in its own lane.
template <class Core>
bool joint_message<Core>::attempt_again(Core& core, pump& self) noexcept {
  lane_type& lane = *stopped_;
  auto& its_home = home_partition();
  if (lane.hold != nullptr && lane.hold->doomed != 0)
    return bury_doomed(core, its_home, lane);
  if (core.is_abandoned())
    return bury_first(core, its_home, lane, death::shutdown);
  if constexpr (has_deadline<Message>)
    if (has_expired(first_of(lane)))
      return bury_first(core, its_home, lane, death::expired);
  std::exception_ptr error;
  outcome result = outcome::done;
  {
    one_message messages(lane, 1);
    result = call(core, self, messages, error);
    if (result.what() == outcome::kind::done)
      return true;
    messages.keep_from(0);
  }
  return fail_first(core, its_home, lane, std::move(result), error);
}

template <class Core>
void joint_message<Core>::leave(bool done, pump& self, joint_lanes<Core>* mine) noexcept {
  auto* const all = places();
  const std::uint32_t count = count_;
  if (!done) {
    missing_.arm(count + 1);
    // First: who finds another one of its lanes back knows that this is.
    home_partition().give_back(*stopped_, self);
    for (std::uint32_t i = 0; i < count; ++i) // with the last one the message is another's
      all[i].home->give_back(*all[i].lane, self);
    return;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    auto& lane = *all[i].lane;
    (void)first_of(lane);
    lane.end_first();
    if (mine != nullptr && mine->drains(*all[i].home))
      mine->settle(lane);
    else
      all[i].home->give_back(lane, self);
  }
  destroy(*this, home_partition());
}

} // namespace convoy::detail
