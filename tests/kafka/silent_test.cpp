#include "mock.hpp"

#include <gmock/gmock.h>

namespace convoy::kafka::test {
namespace {

using testing::HasSubstr;

// Brokers that take what they are sent, and say nothing: stopped, or behind a network that drops all.

constexpr auto for_ever = 10min;

consumer::options impatient(const mock_kafka& broker, reports& told) {
  auto options = options_for(broker);
  options.connect = 1s;
  options.on_revoke.finish = 1s;
  options.report = told.sink();
  return options;
}

TEST(kafka_silent, stop_returns_and_tells_what_comes_again) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce_numbers("orders", 0, 10, 2);
  reports told;
  std::atomic<int> handled{0};
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt, [&](record&) { ++handled; }, impatient(broker, told));
  ASSERT_TRUE(eventually([&] { return broker.committed_of("billing", "orders").offset == 10; }));
  ASSERT_TRUE(eventually([&] { return c.position().committed == 10; }));
  broker.delay(api::offset_commit, for_ever);
  broker.produce_numbers("orders", 0, 10, 2);
  ASSERT_TRUE(eventually([&] { return handled == 20; }));
  ASSERT_TRUE(eventually([&] { return broker.has_delayed(api::offset_commit); }));
  const auto begin = std::chrono::steady_clock::now();
  const auto account = c.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, for_ever / 2)
      << "two seconds, on a machine that has the time";
  EXPECT_EQ(account.handled, 20);
  EXPECT_EQ(told.text(),
            "the last commit of group \"billing\" could not be sent: no broker answers; what was "
            "handled since orders[0] offset 10 will be handled again\n");
}

TEST(kafka_silent, a_last_commit_that_is_refused_tells_what_comes_again) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce_numbers("orders", 0, 10, 2);
  reports told;
  std::atomic<int> handled{0};
  runtime rt{{.concurrency = 1}};
  broker.fail(api::offset_commit, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1000);
  running<> c(
      rt, [&](record&) { ++handled; }, impatient(broker, told));
  ASSERT_TRUE(eventually([&] { return handled == 10 && !told.all().empty(); }));
  EXPECT_EQ(c.stop().handled, 10);
  EXPECT_THAT(told.text(), HasSubstr("what was handled since orders[0] offset 0 will be handled"));
}

TEST(kafka_silent, a_group_that_can_not_be_left_is_told) {
  mock_kafka broker;
  broker.create("orders", 1);
  reports told;
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt, [](record&) {}, impatient(broker, told));
  ASSERT_TRUE(eventually([&] { return !c->positions().empty(); }));
  broker.delay(api::heartbeat, for_ever);
  ASSERT_TRUE(eventually([&] { return broker.has_delayed(api::heartbeat); }));
  const auto begin = std::chrono::steady_clock::now();
  c.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, for_ever / 2)
      << "two seconds, on a machine that has the time";
  EXPECT_THAT(told.text(), HasSubstr("group \"billing\" could not be left"));
}

} // namespace
} // namespace convoy::kafka::test
