// Two keys of a partition whose handlers wait are completed at once: who posts what the drainer takes, and who
// is still at it when the last of them has gone on. All that posts is the library's. Their lanes are still out,
// so the drainer only notes that they were posted, and "they go on" is what happens here.

#include "protocols.hpp"
#include "suspended.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>

namespace {

using convoy::detail::one_message;
using convoy::detail::pump;
using convoy::detail::suspension;
using model::at_once;
using model::check;
using model::draining;
using model::home;

using lane_type = home::lane_type;

class two_that_wait {
public:
  explicit two_that_wait(pump& self) : self_(self) {
    const draining now(self_);
    for (int key = 0; key < 2; ++key)
      check(home_->lanes().append(int{key}, static_cast<std::uint32_t>(key), int{key}, 0),
            "no memory");
    home_->lanes().hand_out(self_);
    for (int key = 0; key < 2; ++key) {
      auto& lane =
          const_cast<lane_type&>(*home_->lanes().find(key, static_cast<std::uint32_t>(key)));
      check(lane.is(convoy::detail::lane_state::out), "not handed out");
      waiting_[static_cast<std::size_t>(key)].lane = &lane;
    }
  }

  void complete(std::size_t which) {
    home_->resumes.resume_soon(waiting_[which]); // from here on the partition may be gone
  }

  /// The drainer. As the last one has gone on, the processor ends, unless somebody is at it.
  void look() {
    if (home_ == nullptr)
      return;
    const draining now(self_);
    home_->box.take_requests([this](auto r) {
      check(!r->serve(*home_), "it is the partition's");
      (void)r.release();
    });
    if (!std::all_of(waiting_.begin(), waiting_.end(), [](auto& s) { return s.is_posted; }) ||
        home_->resumes.is_posting())
      return;
    for (auto& each : waiting_) {
      auto& lane = static_cast<lane_type&>(*each.lane);
      { const one_message<lane_type> first(lane, 1); }
      check(home_->lanes().settle(lane, 1) == 1, "not handled");
    }
    home_.reset();
  }
  void come_to_an_end() {
    look();
    check(home_ == nullptr, "one does not go on, or somebody is still at it");
  }

private:
  pump& self_;
  std::unique_ptr<home> home_ = std::make_unique<home>(self_);
  std::array<suspension, 2> waiting_;
};

TEST(resumptions, of_two_completed_at_once_who_tells_is_waited_for) {
  static model::idle_pump idle;
  model::expect_holds([] {
    two_that_wait w(idle.its);
    at_once({[&] { w.complete(0); }, [&] { w.complete(1); },
             [&] {
               w.look();
               w.look();
             }});
    w.come_to_an_end();
  });
}

} // namespace
