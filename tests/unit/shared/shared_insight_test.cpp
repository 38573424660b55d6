#include "gate.hpp"
#include "shared/readings.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>

// How far snapshots take a key with shared messages for a bound.

namespace {

using namespace std::chrono_literals;
using convoy::snapshot;
using convoy::submit_status;

reading_processor::options with_windows() {
  reading_processor::options wanted;
  wanted.insight = {.top = 5, .window = 10ms, .label = convoy::plain};
  return wanted;
}

/// One window after the other is of what runs all the time.
TEST(shared_insight, takes_only_exclusive_messages_for_what_binds_a_key) {
  convoy::runtime rt{{.concurrency = 4}};
  gate running;
  reading_processor p{rt, [&](const int&, const reading&) { running.pass(); }, with_windows()};
  ASSERT_EQ(p.submit(1, read(1)), submit_status::accepted);
  ASSERT_EQ(p.submit(1, read(2)), submit_status::accepted);
  running.await_visitors(2);
  snapshot s;
  EXPECT_TRUE(eventually([&] {
    s = p.snapshot();
    return s.hottest.size() == 1 && s.utilisation > 0.4 && s.speedup_ceiling == 0;
  })) << s.speedup_ceiling;
  ASSERT_EQ(p.submit(2, write(3)), submit_status::accepted);
  running.await_visitors(3);
  EXPECT_TRUE(eventually([&] { // a third of all is of a key that it binds
    s = p.snapshot();
    return s.speedup_ceiling > 2.8 && s.speedup_ceiling < 3.2 && s.efficiency > 0.7;
  })) << s.speedup_ceiling
      << ", " << s.efficiency;
  running.open();
  p.drain();
}

} // namespace
