#pragma once

// For models of handlers that are coroutines: lanes, and all that posts, are the library's.

#include "bare_core.hpp"
#include "convoy/convoy.hpp"
#include "convoy/detail/ds/inbox.hpp"
#include "convoy/detail/lane/lane_set_suspended.hpp"
#include "convoy/detail/partition/resumptions.hpp"
#include "idle_pump.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace model {

/// What a partition is to coroutines.
class home final : public convoy::detail::runner {
public:
  using core_type = convoy::detail::core<int, int, void, std::hash<int>, std::equal_to<int>>;
  using lane_type = core_type::lane_type;
  using request_type = convoy::detail::request<home>;

  /// `limit`: of what handlers wait.
  explicit home(convoy::detail::pump& self,
                std::chrono::nanoseconds limit = std::chrono::nanoseconds::max())
      : core(bare_core<core_type>(self.home, {.suspended = {.limit = limit}})) {
    lanes_.coroutines = &resumes;
    lanes_.begin_visit(core.made);
    lanes_.see(2, 0, true, 0);
  }

  void run(convoy::detail::ready_item&, convoy::detail::pump&) noexcept override {}
  void post(std::unique_ptr<request_type> what) noexcept {
    box.post(std::move(what));
    (void)role_.load(std::memory_order_relaxed); // as partition::signal()
  }
  [[nodiscard]] convoy::detail::lane_set<core_type>& lanes() noexcept { return lanes_; }

  core_type core;
  convoy::detail::inbox<lane_type, request_type> box;
  convoy::detail::hold::pool_type holds;

private:
  convoy::detail::atomic<bool> role_{true};
  convoy::detail::lane_set<core_type> lanes_{core, *this, holds};

public:
  convoy::detail::resumptions<home> resumes{*this};
};

/// Lanes are a pump's while it drains. Else it is none: it would keep blocks longer than the run.
class draining {
public:
  explicit draining(convoy::detail::pump& self) { current::value = &self; }
  draining(const draining&) = delete;
  draining& operator=(const draining&) = delete;
  ~draining() { current::value = nullptr; }

private:
  using current = convoy::detail::current<convoy::detail::pump>;
};

} // namespace model
