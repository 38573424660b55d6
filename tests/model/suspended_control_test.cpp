// What is asked of a key while its handler, a coroutine, waits, goes on or ends: a pause, a purge and what lets it go
// on. A worker begins the first of two messages, another thread completes what that waits for, and the drainer is
// asked at any time.

#include "convoy/detail/task/completing.hpp"
#include "protocols.hpp"
#include "suspended.hpp"

#include <chrono>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace {

using convoy::detail::atomic;
using convoy::detail::hold;
using convoy::detail::lane_state;
using convoy::detail::one_message;
using convoy::detail::pump;
using convoy::detail::stop;
using convoy::detail::task_access;
using convoy::detail::wish;
using model::at_once;
using model::check;
using model::choose;
using model::draining;
using model::home;

using lane_type = home::lane_type;

constexpr int key = 1;
constexpr int messages = 2;

class controlled {
public:
  /// `parks`: the first message does, once, when it has waited.
  controlled(pump& self, std::vector<wish> what, bool parks)
      : self_(self), what_(std::move(what)), parks_(parks) {
    const draining now(self_);
    const bool together = choose(2) != 0;
    append();
    if (together)
      append();
    lanes().hand_out(self_);
    if (!together) // it comes while the first one is out
      append();
    lane_ = const_cast<lane_type*>(lanes().find(key, key));
    check(lane_->is(lane_state::out), "not handed out");
  }

  // ---- the worker ----

  void begin() {
    run();
    home_.box.give_back(*lane_);
  }

  // ---- who completes what the first message waits for, if it has begun that ----

  void complete() {
    if (has_begun_.load(std::memory_order_acquire))
      (*completes_)(7);
  }

  // ---- the drainer ----

  void visit_all() {
    visit([] {});
    for (const auto each : what_) {
      visit([this, each] { ask(each); });
      visit([] {});
    }
  }

  /// When all others have ended.
  void come_to_an_end() {
    complete();
    ends_ = true;
    visit([] {});
    check(finished_ == messages && is_over_[0] && is_over_[1], "it does not go on");
    check(!lanes().any() && lanes().held.suspended == 0 && home_.core.failures.parked() == 0,
          "something is left");
    check(!home_.resumes.is_posting(), "somebody is still at it");
  }

private:
  using handle = std::coroutine_handle<convoy::task::promise_type>;
  using lanes_type = convoy::detail::lane_set<home::core_type>;

  [[nodiscard]] lanes_type& lanes() { return home_.lanes(); }
  void append() {
    check(lanes().append(int{key}, key, int{come_}, static_cast<std::uint64_t>(come_)),
          "no memory");
    ++come_;
  }

  /// What is handed out runs at the end of this visit, or of one after it.
  template <class Function>
  void visit(Function&& function) {
    {
      const draining now(self_);
      home_.box.take_requests([this](auto r) {
        if (!r->serve(home_))
          (void)r.release();
      });
      home_.box.take_lanes([this](lane_type&) { settle(); });
      function();
      hand_out();
    }
    while (is_ours_ && finished_ != messages && lane_->is(lane_state::out) &&
           (ends_ || choose(2) == 0)) {
      run();
      const draining now(self_);
      settle();
      hand_out();
    }
  }
  /// What goes on with messages that it had is handed out by age, for which there is no scheduler: as if it were run
  /// by a drainer that is stuck.
  void hand_out() {
    if (finished_ == messages)
      return;
    if (lane_->is(lane_state::lined_up) && lane_->handed != 0)
      lanes().adopt(*lanes().next_lined_up(), messages);
    else
      lanes().hand_out(self_);
  }
  void settle() {
    is_ours_ = true;
    is_paused_ |= lane_->paused;
    is_purged_ |= purges_;
    finished_ += lanes().settle(*lane_, messages);
  }
  void ask(wish what) {
    purges_ |= what == wish::purge;
    if (is_ours_ && finished_ != messages) {
      // Else what is out, or lined up, may begin one more.
      const bool at_once = lane_->is(lane_state::suspended) || lane_->is(lane_state::held);
      is_purged_ |= at_once && what == wish::purge;
      is_paused_ = what != wish::resume && (is_paused_ || (at_once && what == wish::pause));
    }
    auto r = std::make_unique<lanes_type::request_type>(what, key, key);
    if (!lanes().serve(*r, messages))
      (void)r.release(); // it is the lane's now
  }

  // ---- whoever runs the lane: as run_task_lane() ----

  void run() {
    auto* s = convoy::detail::take_suspended(*lane_);
    const bool gives_back = s != nullptr && s->gives_back;
    while ((s != nullptr ? resume(handle::from_address(std::exchange(s, nullptr)->whole.address()))
                         : begin_first()) &&
           !gives_back && lane_->handed != 0) {
    }
  }
  [[nodiscard]] bool begin_first() {
    const int number = first_of(*lane_);
    if (auto* const t = lane_->hold; t != nullptr && t->doomed != 0) {
      const one_message<lane_type> first(*lane_, 1);
      end(number);
      if (--t->doomed == 0)
        t->forget_attempts();
      return t->doomed != 0 || !std::exchange(t->then_stop, false);
    }
    check(!is_paused_, "it begins though its key is paused");
    check(!is_purged_, "it begins though it was purged");
    auto made = handles(number);
    const auto whole = task_access::release(made);
    auto& s = whole.promise().own;
    s.lane = lane_;
    s.home = &home_.resumes;
    s.whole = s.at = whole;
    return resume(whole);
  }
  [[nodiscard]] bool resume(handle whole) {
    auto& s = whole.promise().own;
    s.at.resume();
    if (!whole.done()) {
      note_suspended(*lane_, s);
      return false;
    }
    check(whole.promise().error == nullptr, "it has thrown");
    whole.destroy();
    one_message<lane_type> first(*lane_, 1);
    if (std::exchange(parks_now_, false)) {
      first.keep_from(0);
      home_.core.failures.count_parked(1);
      hold::of(*lane_, home_.holds).stopped = stop::park;
      return false;
    }
    end(first.front());
    if (lane_->hold != nullptr)
      hold::forget_first(*lane_);
    return true;
  }
  convoy::task handles(int number) {
    if (number != 0 || std::exchange(has_waited_, true))
      co_return;
    const auto start = [this](convoy::completion<int> done) {
      completes_.emplace(std::move(done));
      has_begun_.store(true, std::memory_order_release);
    };
    check(co_await convoy::callback<int>(start) == 7, "what was completed is not there");
    parks_now_ = parks_;
  }
  void end(int number) {
    check(!std::exchange(is_over_[number], true), "twice");
    check(number == 0 || is_over_[0], "out of order");
  }

  pump& self_;
  const std::vector<wish> what_;
  const bool parks_;
  home home_{self_};
  int come_ = 0;
  lane_type* lane_ = nullptr;
  std::optional<convoy::completion<int>> completes_;
  atomic<bool> has_begun_{false};

  // Of whoever has the lane.
  bool has_waited_ = false;
  bool parks_now_ = false;
  bool is_over_[messages] = {};

  // The drainer's, which runs the lane itself once it was back.
  bool is_ours_ = false;
  bool ends_ = false;      // nothing is left for later
  bool purges_ = false;    // was asked for
  bool is_purged_ = false; // all that has not begun
  bool is_paused_ = false; // likewise
  std::uint32_t finished_ = 0;
};

void expect_goes_on(const std::vector<wish>& what, bool parks, unsigned preemptions = 1) {
  static model::idle_pump idle;
  model::expect_holds(
      [&] {
        controlled c(idle.its, what, parks);
        at_once({[&] { c.begin(); }, [&] { c.complete(); }, [&] { c.visit_all(); }});
        c.come_to_an_end();
      },
      {.preemptions = preemptions});
}

TEST(suspended_control, a_pause_until_resume) {
  for (const bool parks : {false, true})
    expect_goes_on({wish::pause, wish::resume}, parks);
}
TEST(suspended_control, a_resume_before_it_parks_or_after) {
  expect_goes_on({wish::resume}, true);
}
TEST(suspended_control, a_purge) {
  for (const bool parks : {false, true})
    expect_goes_on({wish::purge}, parks);
  expect_goes_on({wish::pause, wish::purge, wish::resume}, false, 0);
}

} // namespace
