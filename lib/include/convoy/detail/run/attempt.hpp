#pragma once

// One call of a handler whose failures matter: its outcome or exception, and what follows from it.

#include "convoy/detail/base/report.hpp"
#include "convoy/detail/lane/hold.hpp"
#include "convoy/detail/lane/message_batch.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/detail/run/bury.hpp"
#include "convoy/detail/run/handler_call.hpp"
#include "convoy/detail/shared/core.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace convoy::detail {

/// A message of the id has been finished.
template <class Core>
[[nodiscard]] bool is_duplicate(Core& core, typename Core::partition_type& home,
                                const typename Core::lane_type& lane,
                                const typename Core::message_type& message) noexcept {
  if constexpr (has_id<typename Core::message_type>) {
    if (core.options.duplicates && core.options.duplicates->then == on_duplicate::dead_letter) {
      const auto& id = message_traits<typename Core::message_type>::id(message);
      return id.has_value() && home.limits->has_finished(lane.key(), *id);
    }
  }
  return false;
}

/// The ids of messages, where they count when their messages are finished. Taken before the handler,
/// which may move from its messages.
template <class Core, bool = has_id<typename Core::message_type>>
class finishing_ids {
  using message_type = typename Core::message_type;
  using id = typename id_type<message_type>::type;

public:
  template <class Taken>
  finishing_ids(Core& core, Taken& messages) noexcept {
    if (!core.options.duplicates || core.options.duplicates->then != on_duplicate::dead_letter)
      return;
    ids_ = &of_thread<bench>().ids; // one lane at a time runs on a thread
    try {
      for (std::size_t i = 0; i < messages.size(); ++i)
        ids_->push_back(message_traits<message_type>::id(*(&messages.front() + i)));
    } catch (...) { // out of memory: these are not remembered
      ids_->clear();
    }
  }
  finishing_ids(const finishing_ids&) = delete;
  finishing_ids& operator=(const finishing_ids&) = delete;
  ~finishing_ids() {
    if (ids_ != nullptr)
      ids_->clear();
  }

  /// The first so many messages are.
  void note(typename Core::partition_type& home, const typename Core::lane_type& lane,
            std::size_t count) noexcept {
    if (ids_ == nullptr)
      return;
    for (std::size_t i = 0; i < std::min(count, ids_->size()); ++i)
      if (const auto& each = (*ids_)[i])
        home.limits->finish(lane.key(), *each);
  }

private:
  /// Keeps the memory for the next ones.
  struct bench {
    std::vector<std::optional<id>> ids;
  };

  std::vector<std::optional<id>>* ids_ = nullptr;
};
template <class Core>
class finishing_ids<Core, false> {
public:
  template <class Taken>
  finishing_ids(Core&, Taken&) noexcept {}
  void note(typename Core::partition_type&, const typename Core::lane_type&, std::size_t) noexcept {
  }
};

/// The handler of a span gets messages up to the first that must not be handled with those before it.
template <class Core, class Taken>
void shorten(Core& core, typename Core::partition_type& home, const typename Core::lane_type& lane,
             Taken& messages) noexcept {
  using message_type = typename Core::message_type;
  if constexpr (has_deadline<message_type> || has_id<message_type>) {
    const auto* const first = &messages.front();
    for (std::size_t i = 1; i < messages.size(); ++i) {
      bool ends = has_expired(first[i]) || is_duplicate(core, home, lane, first[i]);
      if constexpr (has_id<message_type>)
        if (core.options.duplicates && core.options.duplicates->then == on_duplicate::dead_letter)
          for (std::size_t j = 0; j < i && !ends; ++j) {
            const auto& mine = message_traits<message_type>::id(first[i]);
            ends = mine.has_value() && mine == message_traits<message_type>::id(first[j]);
          }
      if (ends)
        return messages.shorten(i);
    }
  }
}

/// Calls the handler; what it throws is `error`, and asks for a retry.
template <class Handler, class Core, class Messages>
[[nodiscard]] outcome call_handler(Core& core, typename Core::partition_type& home,
                                   typename Core::lane_type& lane, pump& self, Messages& messages,
                                   std::exception_ptr& error) noexcept {
  outcome result = outcome::done;
  if (core.watchdog != nullptr) [[unlikely]] {
    self.running.begin(&core, &lane);
    core.watchdog->watch();
  }
  try {
    result = outcome_of(invocation<Handler, Core, Messages>{core, home, lane, self, messages});
  } catch (...) {
    error = std::current_exception();
    result = outcome::retry; // whole: GCC 12 may have written a part of it before the throw
  }
  self.running.end();
  if (result.index() != outcome::whole && result.index() >= messages.size()) [[unlikely]] {
    try {
      throw std::out_of_range("convoy: a handler's outcome::at() is beyond its messages");
    } catch (...) { // or there is no memory for it
      error = std::current_exception();
    }
    result = outcome::retry;
  }
  return result;
}

/// Handles the lane's first message, or the first few. True: the lane goes on, if there is more.
template <class Handler, class Core>
[[nodiscard]] bool attempt(Core& core, typename Core::partition_type& home,
                           typename Core::lane_type& lane, pump& self,
                           std::uint32_t limit) noexcept {
  using hold_type = hold<typename Core::lane_type>;
  if (lane.hold != nullptr) [[unlikely]] {
    if (lane.hold->doomed != 0 && lane.hold->spared == 0)
      return bury_doomed(core, home, lane);
    if (lane.hold->singly + lane.hold->spared != 0)
      limit = 1;
  }
  if (core.is_abandoned()) [[unlikely]]
    return bury_first(core, home, lane, death::shutdown);
  if constexpr (has_deadline<typename Core::message_type>)
    if (has_expired(first_of(lane)))
      return bury_first(core, home, lane, death::expired);
  if (is_duplicate(core, home, lane, first_of(lane)))
    return bury_first(core, home, lane, death::duplicate);
  outcome result = outcome::done;
  std::exception_ptr error;
  std::uint32_t count = 1;
  {
    messages_for<Handler, Core> messages(lane, limit);
    if constexpr (gets_spans<Handler, Core>)
      shorten(core, home, lane, messages);
    finishing_ids<Core> ids(core, messages);
    result = call_handler<Handler>(core, home, lane, self, messages, error);
    const auto index = result.index() == outcome::whole ? 0 : result.index();
    if (result.what() == outcome::kind::done) [[likely]] {
      if (result.index() != outcome::whole) [[unlikely]]
        messages.keep_from(index + 1);
      ids.note(home, lane, result.index() == outcome::whole ? messages.size() : index + 1);
      if (lane.hold != nullptr) [[unlikely]]
        hold_type::forget_first(lane);
      return true;
    }
    ids.note(home, lane, index);
    messages.keep_from(index);
    if (index != 0 && lane.hold != nullptr) // it was the first one's, which is done
      hold_type::forget_first(lane);
    if (error)
      count = static_cast<std::uint32_t>(messages.size());
  }
  if (error && core.options.on_error)
    core.report(thrower::handler, lane.key(), error);
  return after_failure(core, home, lane, std::move(result), error, count);
}

/// A message must not be handled in its cell: a lane sees to it.
template <class Core>
[[nodiscard]] bool needs_lane(Core& core, const typename Core::message_type& message) noexcept {
  if (core.is_abandoned()) [[unlikely]]
    return true;
  if constexpr (has_id<typename Core::message_type>)
    if (core.options.duplicates && core.options.duplicates->then == on_duplicate::dead_letter)
      return true;
  if constexpr (has_deadline<typename Core::message_type>)
    return has_expired(message);
  return false;
}

/// The lane's state goes, if it is to.
template <class Core>
void evict_if_due(Core& core, typename Core::lane_type& lane) noexcept {
  if (lane.hold == nullptr || !lane.hold->evict)
    return;
  core.evict(lane);
  hold<typename Core::lane_type>::forget(lane);
}

} // namespace convoy::detail
