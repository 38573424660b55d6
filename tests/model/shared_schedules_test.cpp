// Shared messages: all that can happen to a key with a few messages, in each order. Between threads there is
// nothing new, so it is the drainer's schedule that is gone through: the lanes are the library's, and what the
// drainer does next, and which of the lanes that are out comes back, is a choice.

#include "bare_core.hpp"
#include "checker.hpp"
#include "convoy/convoy.hpp"
#include "convoy/detail/lane/lane_set_siblings.hpp"
#include "idle_pump.hpp"
#include "protocols.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

struct visitor {
  int number = 0;
  bool writes = false;
};

} // namespace

template <>
struct convoy::message_traits<visitor> {
  static convoy::access access(const visitor& m) noexcept {
    return m.writes ? access::exclusive : access::shared;
  }
};

namespace {

using convoy::detail::hold;
using convoy::detail::lane_state;
using convoy::detail::pump;
using convoy::detail::stop;
using convoy::detail::wish;
using model::check;
using model::choose;

constexpr int messages = 3;
constexpr int key = 1;

/// What is asked for besides, once, at any time.
enum class asks { nothing, resume, try_now, pause, purge, fence, drain };
/// What the first attempt of a message comes to.
enum class fails { never, parks, retries };

/// What is left open.
struct may_be {
  unsigned most_shared = 2;
  std::vector<asks> asked = {asks::nothing};
  std::vector<fails> failed = {fails::never};
  bool runs_inline = false;
  bool is_taken_over = false; ///< an inline handler is stuck, and another drainer goes on
  bool returns_late = false;  ///< a lane of which nothing is left is not the drainer's at once
};

template <class State>
class schedule : convoy::detail::runner {
  using core_type = convoy::detail::core<int, visitor, State, std::hash<int>, std::equal_to<int>>;
  using lanes_type = convoy::detail::lane_set<core_type>;
  using lane_type = typename core_type::lane_type;

public:
  schedule(pump& self, const may_be& may) : self_(self), may_(may) {
    core_.options.most_shared = may.most_shared;
  }

  void go() {
    convoy::detail::current<pump>::value = &self_;
    for (int i = 0; i < messages; ++i)
      writes_[i] = choose(2) != 0;
    asks_ = may_.asked[choose(may_.asked.size())];
    how_ = may_.failed[choose(may_.failed.size())];
    if (how_ != fails::never)
      failing_ = static_cast<int>(choose(messages));
    lanes_.begin_visit(core_.made);
    lanes_.see(messages, 0, true, 0);
    while (step())
      look();
    check(finished_ == messages, "lost");
    check(lanes_.unfinished.all_finished() && (keeps_state || !lanes_.any()), "something is left");
    check(lanes_.beside == 0 && lanes_.held.get().parked == 0, "counted, and gone");
  }

private:
  static constexpr bool keeps_state = !std::is_void_v<State>;
  using action = void (schedule::*)();

  void run(convoy::detail::ready_item&, pump&) noexcept override {}

  // ---- what may happen next ----

  /// False: nothing can.
  bool step() {
    std::array<action, 6 + messages> all{};
    std::size_t count = 0;
    const auto may = [&](bool can, action what) {
      if (can)
        all[count++] = what;
    };
    may(come_ < messages, &schedule::message_comes);
    may(may_.runs_inline && come_ < messages, &schedule::message_runs);
    const bool lines_up = lanes_.lined_up() != 0;
    const auto* const main = find();
    const bool is_behind = main != nullptr && main->is(lane_state::lined_up) && main->handed != 0;
    may(lines_up && !is_behind, &schedule::visit_ends);
    may(lines_up && (may_.runs_inline || is_behind), &schedule::lane_runs);
    may(asks_ != asks::nothing, &schedule::ask);
    may(stands(stop::retry) || stands(stop::tickets), &schedule::time_passes);
    for (auto& each : out_)
      may(each != nullptr, &schedule::some_lane_goes_on);
    if (count == 0) { // somebody has to help
      if (main == nullptr || !(main->paused || stands(stop::park)))
        return false;
      request(wish::resume);
      return true;
    }
    const auto chosen = choose(count);
    goes_on_ = chosen - (count - outside()); // if it is one of those
    (this->*all[chosen])();
    return true;
  }

  void message_comes() { check(lanes_.append(int{key}, key, next(), ticket_++), "no memory"); }
  /// In the visit in which it is found, if it may.
  void message_runs() {
    const auto m = next();
    const auto ticket = ticket_++;
    lane_type* lane = nullptr;
    if (!m.writes)
      lane = lanes_.append_shared(int{key}, key, visitor{m}, ticket);
    else if constexpr (keeps_state)
      lane = lanes_.append_inline(int{key}, key, visitor{m}, ticket);
    if (lane == nullptr)
      return check(lanes_.append(int{key}, key, visitor{m}, ticket), "no memory");
    run_here(*lane, ticket);
  }
  void visit_ends() {
    lanes_.hand_out(self_);
    find_those_out();
  }
  void lane_runs() {
    if (auto* const lane = lanes_.next_lined_up())
      run_here(*lane, ticket_ - 1);
  }
  void some_lane_goes_on() {
    auto at = goes_on_; // of those that are out
    for (auto& each : out_)
      if (each != nullptr && at-- == 0) {
        auto& has_run = has_run_[&each - out_.data()];
        if (!has_run)
          handle(*each);
        has_run = !has_run && may_.returns_late;
        if (!has_run)
          finished_ += static_cast<int>(lanes_.settle(*std::exchange(each, nullptr), ticket_));
        return;
      }
  }
  void time_passes() {
    (void)lanes_.release_stopped(core_.made + std::chrono::milliseconds(1), ticket_, false,
                                 [](auto&) {});
  }
  void ask() {
    switch (std::exchange(asks_, asks::nothing)) {
    case asks::resume:
      return request(wish::resume);
    case asks::try_now:
      return request(wish::try_now);
    case asks::pause:
      return request(wish::pause);
    case asks::purge:
      purged_ = come_;
      return request(wish::purge);
    case asks::fence:
      fenced_ = come_;
      return request(wish::fence);
    case asks::drain:
      drained_ = come_;
      return lanes_.unfinished.begin();
    case asks::nothing:
      break;
    }
  }

  // ---- what is true all the time ----

  void look() {
    if (drained_ >= 0 && lanes_.unfinished.older_is_finished())
      check(are_finished(drained_), "drained too early");
    if (drained_ >= 0 && are_finished(drained_))
      check(lanes_.unfinished.older_is_finished(), "not drained");
    const auto* const main = find();
    const bool waits = main != nullptr && main->has_requests;
    if (fenced_ >= 0 && !waits)
      check(are_finished(fenced_), "a fence was reached too early");
    if (fenced_ >= 0 && are_finished(fenced_))
      check(!waits, "a fence is not reached");
  }
  [[nodiscard]] bool are_finished(int count) const {
    for (int i = 0; i < count; ++i)
      if (!is_over_[i])
        return false;
    return true;
  }

  /// A handler may begin now.
  void begin(const visitor& m) {
    for (int i = 0; i < m.number; ++i)
      check(is_over_[i] || (!writes_[i] && !m.writes), "before its turn");
    for (int i = m.number + 1; i < messages; ++i)
      check(!is_over_[i] || (!writes_[i] && !m.writes), "it was overtaken");
  }

  // ---- lanes ----

  [[nodiscard]] visitor next() {
    const visitor m{come_, writes_[come_]};
    ++come_;
    return m;
  }
  [[nodiscard]] lane_type* find() { return const_cast<lane_type*>(lanes_.find(key, key)); }
  [[nodiscard]] std::size_t outside() const {
    return out_.size() - static_cast<std::size_t>(std::count(out_.begin(), out_.end(), nullptr));
  }
  template <class Function>
  void for_each_lane(Function&& function) {
    auto* const main = find();
    if (main == nullptr)
      return;
    function(*main);
    for_each_sibling(*main, function);
  }
  /// One is held for that.
  [[nodiscard]] bool stands(stop why) {
    bool any = false;
    for_each_lane([&](lane_type& lane) {
      any |= lane.hold != nullptr && lane.hold->stopped == why &&
             (lane.is(lane_state::held) || lane.is(lane_state::sharing));
    });
    return any;
  }
  void find_those_out() {
    for_each_lane([&](lane_type& lane) {
      if (!lane.is(lane_state::out) || std::find(out_.begin(), out_.end(), &lane) != out_.end())
        return;
      goes_out(lane);
      *std::find(out_.begin(), out_.end(), nullptr) = &lane;
    });
  }
  /// Its handler may begin at once.
  void goes_out(lane_type& lane) {
    const auto& main = lane.whole();
    check(!main.is(lane_state::out) || !main.has_siblings(), "beside a main lane that is out");
    if (lane.handed != 0)
      begin(first_of(lane));
  }
  /// The drainer runs it. Should it be stuck another one takes the partition over.
  void run_here(lane_type& lane, std::uint64_t ticket) {
    goes_out(lane);
    if (may_.is_taken_over && outside() != out_.size() && choose(2) != 0) {
      lanes_.adopt(lane, ticket);
      *std::find(out_.begin(), out_.end(), nullptr) = &lane;
      return;
    }
    handle(lane);
    finished_ += static_cast<int>(lanes_.finish_inline(lane, ticket_));
  }

  /// As a runner: until it stops, or at the end of its quantum.
  void handle(lane_type& lane) {
    while (lane.handed != 0 && attempt(lane))
      if (lane.handed != 0 && choose(2) != 0)
        return;
  }
  [[nodiscard]] bool attempt(lane_type& lane) {
    convoy::detail::one_message<lane_type> first(lane, 1);
    const int number = first.front().number;
    if (auto* const t = lane.hold; t != nullptr && t->doomed != 0) {
      check(t->why != convoy::death::purged || number < purged_, "dead without a reason");
      is_over_[number] = true;
      t->doomed -= 1;
      if (t->doomed == 0)
        t->forget_attempts();
      return t->doomed != 0 || !std::exchange(t->then_stop, false);
    }
    begin(first.front());
    check(!is_over_[number], "twice");
    if constexpr (keeps_state)
      if (!lane.whole().state) {
        check(!lane.is_sibling(), "two make the state");
        lane.whole().state.emplace();
      }
    if (number == failing_) {
      failing_ = -1;
      first.keep_from(0);
      fail(hold::of(lane, holds_));
      return false;
    }
    is_over_[number] = true;
    if (lane.hold != nullptr)
      hold::forget_first(lane);
    return true;
  }
  void fail(hold& t) {
    ++t.attempts;
    if (how_ == fails::parks) {
      core_.failures.count_parked(1);
      t.stopped = stop::park;
    } else {
      t.due = core_.made;
      t.stopped = stop::retry;
    }
  }

  void request(wish what) {
    auto r = std::make_unique<typename lanes_type::request_type>(what, key, key);
    if (!lanes_.serve(*r, ticket_))
      (void)r.release(); // it is the lanes' now
  }

  pump& self_;
  const may_be& may_;
  core_type core_ = model::bare_core<core_type>(self_.home);
  hold::pool_type holds_;
  lanes_type lanes_{core_, *this, holds_};

  bool writes_[messages] = {};
  bool is_over_[messages] = {}; // handled or dead
  asks asks_ = asks::nothing;
  fails how_ = fails::never;
  int failing_ = -1;
  int come_ = 0; // messages
  std::uint64_t ticket_ = 0;
  int finished_ = 0;
  int purged_ = 0, fenced_ = -1, drained_ = -1; // those before
  std::array<lane_type*, messages> out_{};
  bool has_run_[messages] = {}; // what is out
  std::size_t goes_on_ = 0;
};

template <class State>
void expect_all_hold(const may_be& may) {
  static model::idle_pump idle;
  model::expect_holds([&] { schedule<State>(idle.its, may).go(); }, {.preemptions = 0});
}

TEST(shared_schedules, in_which_the_drainer_runs_some) {
  expect_all_hold<void>({.runs_inline = true});
}

TEST(shared_schedules, in_which_a_lane_has_run_and_is_not_back) {
  expect_all_hold<void>({.runs_inline = true, .is_taken_over = true, .returns_late = true});
}

TEST(shared_schedules, in_which_something_is_asked_for) {
  for (const unsigned most : {1u, 2u})
    expect_all_hold<void>({.most_shared = most,
                           .asked = {asks::resume, asks::try_now, asks::pause, asks::purge,
                                     asks::fence, asks::drain}});
}

TEST(shared_schedules, in_which_one_stops) {
  expect_all_hold<void>({.failed = {fails::parks, fails::retries}});
  expect_all_hold<void>({.most_shared = 1, .asked = {asks::resume}, .failed = {fails::parks}});
}

TEST(shared_schedules, in_which_one_stops_and_something_is_asked_for) {
  expect_all_hold<void>(
      {.asked = {asks::resume, asks::try_now, asks::pause, asks::purge, asks::fence, asks::drain},
       .failed = {fails::parks}});
}

TEST(shared_schedules, of_keys_with_state) {
  expect_all_hold<int>({.asked = {asks::nothing, asks::pause}, .runs_inline = true});
  expect_all_hold<int>({.failed = {fails::parks}});
}

} // namespace
