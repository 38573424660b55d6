// A handler that is a coroutine and waits: its worker gives its lane back while another thread completes what it
// waits for and the drainer stops it, or finds that its time is over. The lanes and all that posts are the
// library's, and so is the coroutine; what a pump does around it is here.

#include "convoy/detail/task/completing.hpp"
#include "protocols.hpp"
#include "suspended.hpp"

#include <chrono>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

namespace {

using convoy::detail::atomic;
using convoy::detail::lane_state;
using convoy::detail::one_message;
using convoy::detail::pump;
using convoy::detail::task_access;
using model::at_once;
using model::check;
using model::draining;
using model::home;

using lane_type = home::lane_type;

constexpr int key = 1;
constexpr auto limit = std::chrono::milliseconds(1);

enum class stops { never, at_the_end, by_a_limit };

class waiting {
public:
  waiting(pump& self, stops how) : self_(self), how_(how) {
    const draining now(self_);
    check(lanes().append(int{key}, key, 1, 0), "no memory");
    lanes().hand_out(self_);
    lane_ = const_cast<lane_type*>(lanes().find(key, key));
    check(lane_->is(lane_state::out), "not handed out");
  }

  // ---- the worker that begins it ----

  void begin(convoy::task made) {
    const auto whole = task_access::release(made);
    auto& s = whole.promise().own;
    s.lane = lane_;
    s.home = &home_->resumes;
    s.whole = s.at = whole;
    resume(whole);
    home_->box.give_back(*lane_);
  }

  // ---- who completes what it waits for, if it has begun that ----

  [[nodiscard]] auto start() {
    return [this](convoy::completion<int> done) {
      completes_.emplace(std::move(done));
      has_begun_.store(true, std::memory_order_release);
    };
  }
  void complete() {
    if (has_begun_.load(std::memory_order_acquire))
      (*completes_)(7);
  }

  // ---- the drainer ----

  void look() {
    if (home_ == nullptr)
      return;
    visit([this] {
      home_->box.take_requests([this](auto r) {
        if (!r->serve(*home_))
          (void)r.release();
      });
      home_->box.take_lanes([this](lane_type& lane) {
        is_back_ = true;
        finished_ += lanes().settle(lane, 1);
      });
    });
  }
  void stop() {
    if (how_ == stops::by_a_limit)
      return pass(2 * limit);
    if (how_ == stops::at_the_end)
      visit([this] {
        home_->core.abandoned.store(true, std::memory_order_relaxed);
        home_->resumes.stop_all();
      });
  }
  void pass(std::chrono::nanoseconds time) {
    visit([this, time] {
      const auto now = home_->core.made + time;
      lanes().begin_visit(now);
      (void)lanes().release_stopped(now, 1, false, [](auto&) {});
    });
  }
  /// As a processor's end does: nobody may be at it any more.
  void end() {
    if (!is_over() || home_->resumes.is_posting())
      return;
    check(lanes().held.suspended == 0 && !lanes().any(), "something is left");
    pass(std::chrono::hours(1)); // its timer must be gone
    home_.reset();
  }

  /// When all others have ended. What was not completed in time is, too late.
  void come_to_an_end() {
    look();
    if (how_ == stops::by_a_limit && !is_over())
      pass(std::chrono::hours(1));
    if (how_ != stops::never)
      check(is_over(), "it was not stopped");
    complete();
    look();
    check(is_over(), "it does not go on");
    if (home_ != nullptr)
      end();
    check(home_ == nullptr, "somebody is still at it");
  }
  [[nodiscard]] bool is_over() const { return finished_ == 1; }

private:
  using handle = std::coroutine_handle<convoy::task::promise_type>;

  [[nodiscard]] convoy::detail::lane_set<home::core_type>& lanes() { return home_->lanes(); }

  /// What is handed out again runs here.
  template <class Function>
  void visit(Function&& function) {
    {
      const draining now(self_);
      function();
    }
    if (!is_back_ || is_over() || !lane_->is(lane_state::out))
      return;
    auto* const s = convoy::detail::take_suspended(*lane_);
    check(s != nullptr, "it does not wait");
    resume(handle::from_address(s->whole.address()));
    const draining now(self_);
    finished_ += lanes().settle(*lane_, 1);
  }
  void resume(handle whole) {
    auto& s = whole.promise().own;
    s.at.resume();
    if (!whole.done())
      return note_suspended(*lane_, s);
    check(whole.promise().error == nullptr, "it has thrown");
    whole.destroy();
    const one_message<lane_type> first(*lane_, 1);
  }

  pump& self_;
  const stops how_;
  std::unique_ptr<home> home_ = std::make_unique<home>(
      self_, how_ == stops::by_a_limit ? limit : std::chrono::nanoseconds::max());
  lane_type* lane_ = nullptr;
  std::optional<convoy::completion<int>> completes_;
  atomic<bool> has_begun_{false};
  bool is_back_ = false;
  std::uint32_t finished_ = 0;
};

convoy::task waits(waiting& w, stops how) {
  const auto start = w.start();
  const auto never = [](const convoy::completion<int>&) {
    check(false, "it begins something more");
  };
  bool is_stopped = false;
  try {
    check(co_await convoy::callback<int>(start) == 7, "what was completed is not there");
  } catch (const convoy::cancelled&) {
    is_stopped = true;
  }
  check(!is_stopped || how != stops::never, "nobody has stopped it");
  if (!is_stopped)
    co_return;
  try {
    (void)co_await convoy::callback<int>(never);
  } catch (const convoy::cancelled&) {
    co_return;
  }
}

void expect_goes_on(stops how, unsigned preemptions) {
  static model::idle_pump idle;
  model::expect_holds(
      [=] {
        waiting w(idle.its, how);
        at_once({[&] { w.begin(waits(w, how)); }, [&] { w.complete(); },
                 [&] {
                   w.look();
                   w.stop();
                   w.look();
                   w.end();
                 }});
        w.come_to_an_end();
      },
      {.preemptions = preemptions});
}

TEST(suspended, completed_as_its_lane_comes_back) {
  expect_goes_on(stops::never, 2);
}
TEST(suspended, completed_against_the_end) {
  expect_goes_on(stops::at_the_end, 2);
}
TEST(suspended, completed_against_a_limit) {
  expect_goes_on(stops::by_a_limit, 1);
}

/// Of a time there is nobody who could complete it.
TEST(suspended, sleeps_until_then_or_the_end) {
  static model::idle_pump idle;
  for (const auto how : {stops::never, stops::at_the_end})
    model::expect_holds([=] {
      waiting w(idle.its, how);
      int woken = 0, stopped = 0;
      const auto sleeps = [&]() -> convoy::task {
        try {
          co_await convoy::sleep(limit);
          ++woken;
        } catch (const convoy::cancelled&) {
          ++stopped;
        }
      };
      at_once({[&] { w.begin(sleeps()); },
               [&] {
                 w.look();
                 w.stop();
                 w.look();
                 w.pass(limit / 2);
                 check(woken == 0, "too early");
                 w.look();
               }});
      w.look();
      w.pass(std::chrono::hours(1));
      w.come_to_an_end();
      check(woken + stopped == 1, "lost or twice");
      check((stopped == 1) == (how != stops::never), "stopped, or not");
    });
}

} // namespace
