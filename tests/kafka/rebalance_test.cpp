#include "commits.hpp"
#include "mock.hpp"

#include <gmock/gmock.h>

namespace convoy::kafka::test {
namespace {

using testing::HasSubstr;

// Partitions that go: the group goes on without us, with what is in lanes or on its way.

/// A heartbeat is answered so: the assignment is lost, and another one follows.
void lose_assignment(mock_kafka& broker) {
  broker.fail(api::heartbeat, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, 1);
}

bool has_assignment(running<>& c) {
  return eventually([&] { return !c->positions().empty(); });
}

/// What was finished is somebody else's by now, who may have committed more: nothing is waited for.
TEST(kafka_rebalance, a_lost_assignment_commits_nothing) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce("orders", 0, {{"apple", "0"}, {"pear", "1"}, {"pear", "2"}});
  std::atomic<bool> inside{false}, open{false};
  std::atomic<int> apples{0}, pears{0};
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  options.commit.every = 1h;
  options.on_revoke.finish = 1h;
  running<> c(
      rt,
      [&](const std::string& key, record&) {
        if (key == "apple")
          return void(++apples);
        if (pears++ == 0) {
          inside = true;
          hold_until([&] { return open.load(); });
        }
      },
      options);
  ASSERT_TRUE(eventually([&] { return apples == 1 && inside; }));
  lose_assignment(broker);
  ASSERT_TRUE(eventually([&] { return apples == 2; })) << "it comes again";
  EXPECT_EQ(pears, 1) << "its old handler runs still";
  EXPECT_LT(broker.committed_of("billing", "orders").offset, 0);
  open = true;
  ASSERT_TRUE(eventually([&] { return pears == 3; })); // the first one again, and the second
  const auto account = c.stop();
  EXPECT_EQ(account.read, 6);
  EXPECT_EQ(account.handled, 4);
  EXPECT_EQ(account.given_back, 2);
  EXPECT_EQ(broker.committed_of("billing", "orders").offset, 3);
}

/// The answer to a commit comes after the partition was given back, with a later commit.
TEST(kafka_rebalance, an_answer_to_a_commit_that_comes_late_changes_nothing) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce("orders", 0, {{"apple", "0"}, {"pear", "1"}});
  broker.delay(api::offset_commit, 3s);
  std::atomic<bool> open{false};
  runtime rt{{.concurrency = 2}};
  running<> c(
      rt,
      [&](const std::string& key, record&) {
        if (key == "pear")
          hold_until([&] { return open.load(); });
      },
      options_for(broker));
  ASSERT_TRUE(eventually([&] { return broker.committed_of("billing", "orders").offset == 1; }));
  if (c.position().committed > 0)
    GTEST_SKIP() << "the machine was so busy that the answer is there already";
  open = true;
  const auto account = c.stop();
  EXPECT_EQ(account.handled, 2);
  EXPECT_EQ(broker.committed_of("billing", "orders").offset, 2);
}

/// Or after it was assigned anew, from where that later commit has got.
TEST(kafka_rebalance, an_answer_to_an_old_commit_does_not_set_a_position_back) {
  consumer_options<> wanted;
  std::vector<std::string> told;
  wanted.report = [&](std::string_view what) { told.emplace_back(what); };
  const reader_options options(wanted);
  detail::commits commits(options, nullptr);
  convoy::detail::room_event room;
  convoy::detail::assignment records("orders[0]", 1, 3, {}, nullptr, room);
  std::vector<detail::held_partition> held;
  held.push_back({"orders", 0, &records, 3, 3, {}, true});
  const detail::owned<rd_kafka_topic_partition_list_t> answer(rd_kafka_topic_partition_list_new(2));
  rd_kafka_topic_partition_list_add(answer.get(), "orders", 0)->offset = 1;
  rd_kafka_topic_partition_list_add(answer.get(), "orders", 1)->offset =
      7; // it is not ours any more
  commits.done(held, RD_KAFKA_RESP_ERR_NO_ERROR, answer.get());
  EXPECT_EQ(held[0].committed, 3);
  answer->elems[0].offset = 4;
  commits.done(held, RD_KAFKA_RESP_ERR_NO_ERROR, answer.get());
  EXPECT_EQ(held[0].committed, 4);
  commits.done(held, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, answer.get());
  EXPECT_EQ(held[0].committed, 4);
  EXPECT_TRUE(told.empty()) << "whoever has the partition now sees to it";
}

/// Keys that stand still keep what was given back out of their lanes: others find room for ever.
TEST(kafka_rebalance, keys_that_stand_still_do_not_use_up_the_room) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce("orders", 0, {{"parked", "0"}, {"paused", "1"}, {"good", "2"}});
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  options.in_flight.records = 3;
  options.commit.every = 1h;
  std::atomic<int> good{0}, paused{0};
  running<> c(
      rt,
      [&](const std::string& key, record&) {
        good += key == "good";
        paused += key == "paused";
        return key == "parked" ? outcome::park : outcome::done;
      },
      options);
  c->processor().pause("paused");
  for (int i = 1; i <= 4; ++i) {
    ASSERT_TRUE(eventually([&] { return good == i; })) << i;
    ASSERT_TRUE(has_assignment(c));
    lose_assignment(broker);
  }
  EXPECT_EQ(paused, 0) << "the key is paused still";
  c->processor().resume("paused");
  EXPECT_TRUE(eventually([&] { return paused == 1; }));
}

/// Whatever is called through librdkafka, which is C, or on a worker.
TEST(kafka_rebalance, callbacks_that_throw_end_nothing) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce("orders", 0, {{"apple", "bad"}, {"pear", "good"}});
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  std::atomic<int> told{0}, parked{0}, good{0};
  options.report = [&](std::string_view) {
    ++told;
    throw std::runtime_error("report");
  };
  options.on_error = [](const std::string&, const std::exception_ptr&) {
    throw std::runtime_error("on_error");
  };
  options.on_parked = [&](const std::string&, const std::exception_ptr&) {
    ++parked;
    throw std::runtime_error("on_parked");
  };
  options.blocked.after = 100ms;
  testing::internal::CaptureStderr();
  running<> c(
      rt,
      [&](record& r) {
        if (r.value() == "bad")
          throw std::runtime_error("handler");
        ++good;
      },
      options);
  EXPECT_TRUE(eventually([&] { return good == 1 && parked == 1 && told == 1; }));
  broker.set_up(false); // told in a callback of librdkafka's
  EXPECT_TRUE(eventually([&] { return told == 2; }));
  broker.set_up(true);
  broker.produce("orders", 0, {{"pear", "good"}});
  EXPECT_TRUE(eventually([&] { return good == 2; }));
  EXPECT_EQ(c.stop().given_back, 1);
  const auto lines = testing::internal::GetCapturedStderr();
  EXPECT_THAT(lines, HasSubstr("handler"));
  EXPECT_THAT(lines, HasSubstr("convoy::kafka: orders[0] is held up by position 0"));
  EXPECT_THAT(lines, HasSubstr("convoy::kafka: no broker of"));
}

} // namespace
} // namespace convoy::kafka::test
