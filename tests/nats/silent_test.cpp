#include "server.hpp"

#include <gmock/gmock.h>
#include <memory>

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
  ASSERT_TRUE(eventually([&] { return handled == 10; }));
  nats.freeze();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(c.stop().handled, 10);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3min) << "a few requests of 2 s, and no more";
  EXPECT_THAT(told.text(), AllOf(HasSubstr("the last commit of \"billing\""),
                                 HasSubstr("what was handled since 0 will be handled again")));
  nats.thaw();
}

/// More dead letters than a socket takes in: whoever sends one waits, with all that libnats has locked.
TEST_F(nats_silent, stop_returns_while_dead_letters_are_sent) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.create("dead", {"dead"});
  constexpr int count = 300;
  for (int i = 0; i < count; ++i)
    nats.publish("orders.k" + std::to_string(i), std::string(100'000, 'x'));
  std::atomic<bool> frozen{false};
  std::atomic<int> handled{0};
  runtime rt{{.concurrency = 2}};
  auto options = options_for(nats);
  options.dead_letter_subject = "dead";
  options.on_stop.finish = 1s;
  auto c = std::make_unique<running<>>(
      rt,
      [&](record&) {
        hold_until([&] { return frozen.load(); });
        ++handled;
        return outcome::skip;
      },
      options);
  ASSERT_TRUE(eventually([&] { return c->position().in_flight == count; }));
  nats.freeze();
  frozen = true;
  ASSERT_TRUE(eventually([&] { return handled > 1; }));
  std::this_thread::sleep_for(500ms); // until the socket is full
  EXPECT_EQ(c->stop().given_back, count);
  c.reset();
  nats.thaw();
}

} // namespace
} // namespace convoy::nats::test
