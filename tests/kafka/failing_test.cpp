#include "mock.hpp"

#include <gmock/gmock.h>

namespace convoy::kafka::test {
namespace {

using testing::HasSubstr;

TEST(kafka_failing, a_dead_letter_is_finished_when_its_topic_has_it) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.create("orders.dlt", 1);
  broker.produce("orders", 0, {{"apple", "good"}, {"apple", "bad"}, {"apple", "good"}},
                 {{"h", "1"}});
  std::atomic<int> good{0};
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  options.dead_letter_topic = "orders.dlt";
  options.failure = failure_policy{.attempts = 3, .backoff = 1ms, .ceiling = 1ms};
  options.on_error = [](const std::string&, const std::exception_ptr&) {};
  running<> c(
      rt,
      [&](record& r) {
        if (r.value() == "bad")
          throw std::runtime_error("it is bad");
        ++good;
      },
      options);
  const auto letters = broker.read("orders.dlt");
  ASSERT_EQ(letters.size(), 1);
  EXPECT_EQ(letters[0].key, "apple");
  EXPECT_EQ(letters[0].value, "bad");
  const std::map<std::string, std::string> headers{{"h", "1"},
                                                   {"convoy.topic", "orders"},
                                                   {"convoy.partition", "0"},
                                                   {"convoy.offset", "1"},
                                                   {"convoy.why", "failed"},
                                                   {"convoy.attempts", "3"},
                                                   {"convoy.error", "it is bad"}};
  EXPECT_EQ(letters[0].headers, headers);
  EXPECT_TRUE(eventually([&] { return broker.committed_of("billing", "orders").offset == 3; }));
  const auto account = c.stop();
  EXPECT_EQ(account.dead_letters, 1);
  EXPECT_EQ(account.handled, 2);
  EXPECT_EQ(good, 2);
}

TEST(kafka_failing, a_dead_letter_that_is_refused_holds_its_position_and_is_sent_again) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.create("orders.dlt", 1);
  broker.produce("orders", 0, {{"apple", "bad"}, {"pear", "good"}});
  reports told;
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  options.dead_letter_topic = "orders.dlt";
  options.report = told.sink();
  options.on_error = [](const std::string&, const std::exception_ptr&) {};
  broker.fail(api::produce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 100);
  std::atomic<int> good{0};
  running<> c(
      rt,
      [&](record& r) {
        if (r.value() == "bad")
          throw std::runtime_error("it is bad");
        ++good;
      },
      options);
  ASSERT_TRUE(
      eventually([&] { return told.text().find("does not get into") != std::string::npos; }));
  ASSERT_TRUE(eventually([&] { return good == 1; }));
  std::this_thread::sleep_for(300ms);
  EXPECT_LE(broker.committed_of("billing", "orders").offset, 0); // it is the lowest
  EXPECT_THAT(told.text(), HasSubstr("orders[0] offset 0"));
  broker.heal(api::produce);
  EXPECT_TRUE(eventually([&] { return broker.committed_of("billing", "orders").offset == 2; }));
  EXPECT_EQ(broker.read("orders.dlt").size(), 1);
  EXPECT_EQ(c.stop().dead_letters, 1);
}

TEST(kafka_failing, without_a_place_for_dead_letters_the_key_parks_and_nothing_is_lost) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce("orders", 0, {{"apple", "bad"}, {"apple", "good"}, {"pear", "good"}});
  std::atomic<bool> mended{false};
  std::atomic<int> handled{0};
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  options.on_error = [](const std::string&, const std::exception_ptr&) {};
  {
    running<> c(
        rt,
        [&](record& r) {
          if (r.value() == "bad" && !mended)
            throw std::runtime_error("it is bad");
          ++handled;
        },
        options);
    ASSERT_TRUE(eventually([&] { return c->processor().parked() == 1 && handled == 1; }));
    const auto account = c.stop();
    EXPECT_EQ(account.read, 3);
    EXPECT_EQ(account.handled, 1);
    EXPECT_EQ(account.given_back, 2);
  }
  mended = true;
  running<> again(
      rt, [&](record&) { ++handled; }, options);
  EXPECT_TRUE(eventually([&] { return handled == 3; }));
  const auto account = again.stop();
  EXPECT_EQ(account.handled, 2);
  EXPECT_EQ(account.passed_over, 1); // pear's, by the gaps
  EXPECT_EQ(broker.committed_of("billing", "orders").offset, 3);
}

TEST(kafka_failing, a_record_that_blocks_for_long_becomes_a_dead_letter_if_it_is_to) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.create("orders.dlt", 1);
  broker.produce("orders", 0, {{"apple", "bad"}, {"apple", "good"}});
  reports told;
  std::atomic<int> good{0};
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  options.dead_letter_topic = "orders.dlt";
  options.report = told.sink();
  options.blocked = {.after = 300ms, .then = blocked::dead_letter};
  running<> c(
      rt,
      [&](record& r) -> outcome {
        if (r.value() == "bad")
          return outcome::park;
        ++good;
        return outcome::done;
      },
      options);
  EXPECT_TRUE(eventually([&] { return good == 1; }));
  EXPECT_EQ(broker.read("orders.dlt").size(), 1);
  EXPECT_THAT(told.text(), HasSubstr("orders[0] is held up by position 0"));
  EXPECT_THAT(told.text(), HasSubstr("parked"));
  EXPECT_EQ(c.stop().dead_letters, 1);
}

TEST(kafka_failing, a_record_that_blocks_for_long_ends_it_if_it_is_to) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce("orders", 0, {{"apple", "bad"}, {"pear", "good"}});
  runtime rt{{.concurrency = 2}};
  reports told;
  std::atomic<bool> has_pear{false};
  auto options = options_for(broker);
  options.report = told.sink();
  options.blocked = {.after = 300ms, .then = blocked::stop};
  running<> c(
      rt,
      [&](record& r) {
        if (r.value() == "bad")
          return outcome::park;
        has_pear = true;
        return outcome::done;
      },
      options);
  ASSERT_TRUE(eventually([&] { return c.has_ended(); }));
  EXPECT_THROW(c.stop(), error);
  if (!has_pear)
    GTEST_SKIP() << "the machine was so busy that the other record was not handled before";
  const auto at = broker.committed_of("billing", "orders");
  const auto kept = progress_from_text(at.metadata, "orders[0]");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->finished, (std::vector<position_range>{{1, 2}})); // pear's
}

// parallel-consumer#647, #832: metadata that the broker does not take stopped all commits.
TEST(kafka_failing, a_commit_with_too_much_metadata_goes_on_with_less) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce_numbers("orders", 0, 400, 2);
  std::atomic<int> odd{0};
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  running<> c(
      rt,
      [&](const std::string& key, record&) {
        if (key == "k0")
          return outcome::park;
        ++odd;
        return outcome::done;
      },
      options);
  ASSERT_TRUE(eventually([&] { return odd == 200; }));
  constexpr int times = 6;
  constexpr std::size_t least = 4096 >> times;
  // The first commit may tell of a few records only.
  ASSERT_TRUE(
      eventually([&] { return broker.committed_of("billing", "orders").metadata.size() > least; }));
  broker.fail(api::offset_commit, RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, times);
  broker.produce_numbers("orders", 0, 1000, 2);
  ASSERT_TRUE(eventually([&] { return odd == 700; }));
  EXPECT_TRUE(eventually([&] {
    const auto text = broker.committed_of("billing", "orders").metadata;
    return text.size() <= least && text != "";
  }));
  c->stop();
  EXPECT_EQ(c.stop().given_back, 700);
}

// parallel-consumer#894: offset and payload of a commit were from different moments.
TEST(kafka_failing, offset_and_gaps_of_a_commit_are_of_one_moment) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce_numbers("orders", 0, 3000, 40);
  std::atomic<int> handled{0}, with_gaps{0};
  runtime rt{{.concurrency = 4}};
  auto options = options_for(broker);
  options.commit.every = 2ms;
  running<> c(
      rt,
      [&](record& r) {
        std::this_thread::sleep_for(std::chrono::microseconds(r.offset() % 7 * 100));
        if (r.offset() == 1000)
          hold_until([&] { return with_gaps != 0; });
        ++handled;
      },
      options);
  while (handled < 3000) {
    const auto at = broker.committed_of("billing", "orders");
    if (at.metadata.empty())
      continue;
    const auto kept = progress_from_text(at.metadata, "orders[0]");
    ASSERT_TRUE(kept) << at.metadata;
    ASSERT_EQ(static_cast<std::int64_t>(kept->lowest), at.offset);
    ++with_gaps;
  }
  c.stop();
  EXPECT_EQ(broker.committed_of("billing", "orders").offset, 3000);
}

TEST(kafka_failing, a_broker_that_is_away_for_a_while_is_told_of_once) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce_numbers("orders", 0, 10, 2);
  reports told;
  std::atomic<int> handled{0};
  runtime rt{{.concurrency = 1}};
  auto options = options_for(broker);
  options.report = told.sink();
  running<> c(
      rt, [&](record&) { ++handled; }, options);
  ASSERT_TRUE(eventually([&] { return handled == 10; }));
  broker.set_up(false);
  EXPECT_TRUE(eventually([&] { return told.text().find("can be reached") != std::string::npos; }));
  broker.set_up(true);
  broker.produce_numbers("orders", 0, 10, 2);
  // If its session has timed out meanwhile, the first ten come again.
  EXPECT_TRUE(eventually([&] { return broker.committed_of("billing", "orders").offset == 20; }));
  EXPECT_GE(handled, 20);
  c.stop();
  EXPECT_EQ(broker.committed_of("billing", "orders").offset, 20);
}

TEST(kafka_failing, a_dead_letter_that_librdkafka_does_not_take_is_told) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.create("orders.dlt", 1);
  broker.produce("orders", 0,
                 {{"apple", std::string(3000, 'x')}, {"pear", std::string(3000, 'x')}});
  reports told;
  runtime rt{{.concurrency = 1}};
  auto options = options_for(broker);
  options.dead_letter_topic = "orders.dlt";
  options.settings["message.max.bytes"] = "2000";
  options.report = told.sink();
  running<> c(
      rt, [](record&) { return outcome::skip; }, options);
  EXPECT_TRUE(eventually([&] {
    return told.text().find("orders[0] offset 0, does not get into") != std::string::npos &&
           told.text().find("orders[0] offset 1, does not get into") != std::string::npos;
  }));
  EXPECT_EQ(c.stop().given_back, 2);
  EXPECT_EQ(told.all().size(), 2) << "each once";
}

// A log that has lost its end: other records come at the offsets that were finished.
TEST(kafka_failing, gaps_beyond_the_end_are_handled_again) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce_numbers("orders", 0, 4, 4);
  broker.commit("billing", "orders", 0, 1, to_text({1, {{2, 3}, {4, 6}}}, "orders[0]"));
  reports told;
  seen handled;
  runtime rt{{.concurrency = 1}};
  auto options = options_for(broker);
  options.report = told.sink();
  running<> c(
      rt, [&](const std::string& key, record& r) { handled.add(key, *r.value()); }, options);
  EXPECT_TRUE(eventually([&] { return handled.count() == 3; }));
  EXPECT_THAT(told.text(), HasSubstr("the log has lost its end"));
  EXPECT_EQ(c.stop().passed_over, 0);
}

TEST(kafka_failing, gaps_that_are_there_are_passed_over) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce_numbers("orders", 0, 6, 6);
  broker.commit("billing", "orders", 0, 1, to_text({1, {{2, 3}, {4, 6}}}, "orders[0]"));
  seen handled;
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt, [&](const std::string& key, record& r) { handled.add(key, *r.value()); },
      options_for(broker));
  EXPECT_TRUE(eventually([&] { return handled.count() == 2; }));
  EXPECT_EQ(c.stop().passed_over, 3);
  EXPECT_EQ(broker.committed_of("billing", "orders").offset, 6);
}

/// That the end can't be told is no reason to handle all of them again, if it is told a moment later.
TEST(kafka_failing, gaps_are_passed_over_though_the_end_is_told_late) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce_numbers("orders", 0, 6, 6);
  broker.commit("billing", "orders", 0, 1, to_text({1, {{2, 3}, {4, 6}}}, "orders[0]"));
  broker.fail(api::list_offsets, RD_KAFKA_RESP_ERR_UNKNOWN, 2);
  std::atomic<int> handled{0};
  reports told;
  runtime rt{{.concurrency = 1}};
  auto options = options_for(broker);
  options.report = told.sink();
  running<> c(
      rt, [&](record&) { ++handled; }, options);
  EXPECT_TRUE(eventually([&] { return handled == 2; }));
  EXPECT_EQ(c.stop().passed_over, 3);
  EXPECT_EQ(told.text(), "");
}

TEST(kafka_failing, run_is_called_once) {
  mock_kafka broker;
  broker.create("orders", 1);
  runtime rt{{.concurrency = 1}};
  consumer c(
      rt, [](record&) {}, options_for(broker));
  c.stop();
  EXPECT_EQ(c.run().read, 0);
  EXPECT_THROW((void)c.run(), std::logic_error);
}

} // namespace
} // namespace convoy::kafka::test
