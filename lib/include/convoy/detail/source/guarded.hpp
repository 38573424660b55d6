#pragma once

// The handler of records, behind the gates of their assignments.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/source/assignment.hpp"
#include "convoy/failure.hpp"

#include <cstddef>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace convoy::detail {

inline constexpr const char* blocked_too_long = "it has held up its partition for too long";

/// Calls the handler for records whose assignment is still ours, and marks those that it has
/// handled as finished. The others leave their lane without being handled: whoever has their
/// partition next reads them again. A record that the handler moves away is finished by whoever has
/// it then.
template <class Record, class Handler>
class guarded {
public:
  /// `parks`: what would become a dead letter parks its key instead, as there is no place for one.
  guarded(Handler handler, bool parks) : handler_(std::move(handler)), parks_(parks) {}

  template <class... Args>
  requires std::is_invocable_v<Handler&, Args...> outcome operator()(Args&&... args) {
    const std::span<Record> all = (records_in(args) | ...).records;
    const delivery* const first = all[0].flight().get();
    if (first == nullptr) // a handler has moved it away, and failed then
      return up_to(1, all.size());
    assignment& home = *first->home;
    const std::size_t ours = same_home(all);
    gate& way = home.gate_of(*first);
    if (!way.enter()) // they are closed for good
      return up_to(ours, all.size());
    way_out inside(way);
    if (is_condemned(*first))
      return dead(outcome::skip.because(blocked_too_long));
    const std::size_t count = up_to_condemned(all.first(ours));
    try {
      return finished(all.first(count), all.size(),
                      call(narrowed(std::forward<Args>(args), count)...), way, inside);
    } catch (...) {
      note_failed(all.first(count));
      throw;
    }
  }

private:
  // ---- the records among the arguments ----

  struct found {
    std::span<Record> records;
    friend found operator|(found a, found b) noexcept { return a.records.empty() ? b : a; }
  };
  template <class Arg>
  static found records_in(Arg& arg) noexcept {
    if constexpr (std::is_same_v<std::remove_const_t<Arg>, Record>)
      return {std::span<Record>(&arg, 1)};
    else if constexpr (std::is_same_v<std::remove_const_t<Arg>, std::span<Record>>)
      return {arg};
    else
      return {};
  }

  static bool is_condemned(const delivery& its) noexcept {
    return its.condemned.load(std::memory_order_relaxed); // sooner or later
  }
  static std::size_t same_home(std::span<Record> all) noexcept {
    std::size_t count = 1;
    for (; count < all.size(); ++count) {
      const delivery* const its = all[count].flight().get();
      if (its == nullptr || its->home != all[0].flight().get()->home)
        break;
    }
    return count;
  }
  static std::size_t up_to_condemned(std::span<Record> all) noexcept {
    std::size_t count = 1;
    while (count < all.size() && !is_condemned(*all[count].flight().get()))
      ++count;
    return count;
  }

  // ---- the call ----

  template <class Arg>
  static decltype(auto) narrowed(Arg&& arg, std::size_t count) noexcept {
    if constexpr (std::is_same_v<std::remove_cvref_t<Arg>, std::span<Record>>)
      return arg.first(count);
    else
      return std::forward<Arg>(arg);
  }

  template <class... Args>
  outcome call(Args&&... args) {
    using result = std::invoke_result_t<Handler&, Args...>;
    static_assert(
        std::is_void_v<result> || std::is_same_v<std::remove_cvref_t<result>, outcome>,
        "convoy: a handler of records returns nothing or a convoy::outcome; a convoy::task "
        "is for processors of your own");
    if constexpr (std::is_void_v<result>) {
      handler_(std::forward<Args>(args)...);
      return outcome::done;
    } else {
      return handler_(std::forward<Args>(args)...);
    }
  }

  // ---- what it said ----

  /// Done, of the first `count` of `size`.
  static outcome up_to(std::size_t count, std::size_t size) noexcept {
    return count == size ? outcome::done : outcome::done.at(count - 1);
  }

  /// From the first of its lane on. What its handler has called done() before it failed is not.
  static void note_failed(std::span<Record> called) noexcept {
    for (Record& each : called)
      if (delivery* const its = each.flight().get(); its != nullptr)
        its->finished = false;
    if (delivery* const its = called[0].flight().get(); its != nullptr)
      its->failed.store(true, std::memory_order_relaxed); // sooner or later
  }

  /// The handler had `called` of `size` records. Those that are finished leave the gate when their
  /// lane releases them.
  outcome finished(std::span<Record> called, std::size_t size, const outcome& result, gate& way,
                   way_out& inside) const {
    const bool done = result.what() == outcome::kind::done;
    const bool whole = result.index() == outcome::whole;
    if (!whole && result.index() >= called.size())
      throw std::out_of_range("convoy: a handler's outcome::at() is beyond its records");
    const std::size_t count = whole ? (done ? called.size() : 0) : result.index() + (done ? 1 : 0);
    auto says = done ? up_to(count, size) : dead(result); // it may throw: then nothing is finished
    std::size_t leave_later = 0;
    for (Record& each : called.first(count))
      if (delivery* const its = each.flight().get(); its != nullptr) {
        its->finished = true;
        its->inside = &way;
        ++leave_later;
      }
    if (!done)
      note_failed(called.subspan(count));
    if (leave_later != 0)
      (void)inside.hand_on();
    if (leave_later > 1)
      way.stay(leave_later - 1);
    return says;
  }

  /// It stays the first of its lane: a letter that a sink has refused is not handled again by resume().
  [[nodiscard]] outcome dead(const outcome& result) const {
    if (!parks_ || result.what() == outcome::kind::retry)
      return result;
    const auto parked = outcome::park.because(result.reason());
    return result.index() == outcome::whole ? parked : parked.at(result.index());
  }

  Handler handler_;
  const bool parks_;
};

} // namespace convoy::detail
