#include "server.hpp"

#include <gmock/gmock.h>

namespace convoy::nats::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class nats_silent : public on_a_server {};

TEST_F(nats_silent, stop_returns_and_tells_what_comes_again) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish_numbers("orders", 10, 2);
  reports told;
  std::atomic<int> handled{0};
  runtime rt{{.concurrency = 1}};
  auto options = options_for(nats);
  options.commit.every = 1h;
  options.report = told.sink();
  running<> c(
      rt, [&](record&) { ++handled; }, options);
  ASSERT_TRUE(within(20s, [&] { return handled == 10; }));
  nats.freeze();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(c.stop().handled, 10);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s) << "a few requests of 2 s, and no more";
  EXPECT_THAT(told.text(), AllOf(HasSubstr("the last commit of \"billing\""),
                                 HasSubstr("what was handled since 0 will be handled again")));
  nats.thaw();
}

} // namespace
} // namespace convoy::nats::test
