#include "convoy/detail/ds/event_count.hpp"

#include <algorithm>

namespace convoy::detail {

namespace {

struct leaver {
  atomic<std::uint32_t>& waiting;
  ~leaver() {
    waiting.fetch_sub(1, std::memory_order_relaxed); // a notify() too many does no harm
  }
};

} // namespace

void event_count::wait(function_ref<bool()> ready, clock::time_point deadline) {
  waiting_.fetch_add(1, std::memory_order_relaxed); // ordered by the fence
  // (1) seq_cst: first we can be seen, then we look, whatever ready() loads with; against
  // notify()'s load (2) in event_count.hpp after the change, (4) in ticket_ring.hpp, (4) in
  // ticket_limit.hpp, (1) in request_limit.hpp, (1) in gate.hpp, (2) in assignment.cpp
  thread_fence(std::memory_order_seq_cst);
  const leaver leave{waiting_};
  for (;;) {
    std::uint64_t seen = 0;
    {
      const std::lock_guard lock(mutex_);
      seen = notified_;
    }
    if (ready())
      return;
    std::chrono::nanoseconds most = most_asleep_;
    if (deadline != clock::time_point::max())
      most = std::min<std::chrono::nanoseconds>(most, deadline - clock::now());
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, most, [&] { return notified_ != seen; });
  }
}

} // namespace convoy::detail
