#include "mock.hpp"

#include <gmock/gmock.h>

namespace convoy::kafka::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

// What brokers refuse, and what is said of it.

const auto each_is_dead = [](record&) { return outcome::skip; };

consumer::options with_letters(const mock_kafka& broker, reports& told) {
  auto options = options_for(broker);
  options.dead_letter_topic = "orders.dlt";
  options.report = told.sink();
  return options;
}

/// A topic's limit is of a batch.
TEST(kafka_refused, letters_that_fit_do_not_wait_for_one_that_does_not) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.create("orders.dlt", 1);
  broker.produce("orders", 0, {{"a", "0"}, {"b", "1"}, {"c", "2"}});
  broker.fail(api::produce, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
  reports told;
  runtime rt{{.concurrency = 1}};
  running<> c(rt, each_is_dead, with_letters(broker, told));
  const auto letters = broker.read("orders.dlt", 0, 3);
  ASSERT_EQ(letters.size(), 3);
  EXPECT_THAT(told.text(),
              HasSubstr("orders[0] offset " + *letters[2].value + ", does not get into"));
  EXPECT_THAT(told.text(), HasSubstr("raise max.message.bytes of that topic, or set dead_letters"));
  EXPECT_EQ(told.all().size(), 1);
  EXPECT_TRUE(eventually([&] { return broker.committed_of("billing", "orders").offset == 3; }));
}

/// librdkafka's own limit is below Kafka's.
TEST(kafka_refused, what_one_topic_took_gets_into_the_other) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.create("orders.dlt", 1);
  broker.produce("orders", 0, {{"a", std::string(1'040'000, 'x')}});
  reports told;
  runtime rt{{.concurrency = 1}};
  running<> c(rt, each_is_dead, with_letters(broker, told));
  EXPECT_TRUE(eventually([&] { return broker.committed_of("billing", "orders").offset == 1; }));
  EXPECT_EQ(told.text(), "");
}

TEST(kafka_refused, who_wants_to_know_is_told_once_of_a_letter_and_may_stop) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.create("orders.dlt", 1);
  broker.produce("orders", 0, {{"a", "0"}});
  broker.fail(api::produce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 100);
  reports told, refused;
  runtime rt{{.concurrency = 1}};
  auto options = with_letters(broker, told);
  options.on_letter_refused = refused.sink();
  running<> c(rt, each_is_dead, options);
  ASSERT_TRUE(eventually([&] { return !refused.all().empty(); }));
  std::this_thread::sleep_for(1500ms); // it is sent again
  EXPECT_EQ(c.stop().given_back, 1);
  EXPECT_EQ(refused.all().size(), 1);
  EXPECT_THAT(refused.text(), HasSubstr("a dead letter, orders[0] offset 0"));
  EXPECT_THAT(told.text(), Not(HasSubstr("a dead letter")));
}

TEST(kafka_refused, a_setting_that_the_group_does_not_take_ends_it) {
  for (const auto code :
       {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL,
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED}) {
    mock_kafka broker;
    broker.create("orders", 1);
    broker.fail(api::join_group, code, 100);
    reports told;
    runtime rt{{.concurrency = 1}};
    auto options = options_for(broker);
    options.report = told.sink();
    running<> c(rt, each_is_dead, options);
    EXPECT_TRUE(eventually([&] { return c.has_ended(); })) << rd_kafka_err2name(code);
    try {
      c.stop();
      ADD_FAILURE() << rd_kafka_err2name(code);
    } catch (const error& wrong) {
      EXPECT_THAT(wrong.what(), HasSubstr(rd_kafka_err2str(code)));
    }
  }
}

// ---- refused from the start ----

std::string refusal(const consumer::options& options) {
  runtime rt{{.concurrency = 1}};
  try {
    consumer c(
        rt, [](record&) {}, options);
    c.run();
  } catch (const std::exception& wrong) {
    return wrong.what();
  }
  return "";
}

TEST(kafka_refused, what_makes_no_sense_is_refused_in_a_line) {
  consumer::options good;
  good.brokers = "127.0.0.1:1";
  good.group = "g";
  good.topics = {"orders"};
  const auto with = [&](auto&& change) {
    auto options = good;
    change(options);
    return refusal(options);
  };
  EXPECT_THAT(with([](auto& o) { o.brokers = ""; }), HasSubstr("brokers must be set"));
  EXPECT_THAT(with([](auto& o) { o.brokers = "127.0.0.1:1, kafka://me:secret@h:1"; }),
              EndsWith("brokers must be host:port, with commas between several, without kafka://"));
  EXPECT_THAT(with([](auto& o) { // which librdkafka takes
                o.brokers = "SSL://127.0.0.1:1";
                o.connect = 100ms;
              }),
              Not(HasSubstr("must be")));
  EXPECT_THAT(with([](auto& o) { o.group = ""; }), HasSubstr("group must be set"));
  EXPECT_THAT(with([](auto& o) { o.topics = {}; }), HasSubstr("topics must be set"));
  EXPECT_THAT(with([](auto& o) { o.in_flight.records = 0; }),
              HasSubstr("in_flight.records must be"));
  EXPECT_THAT(with([](auto& o) { o.commit.every = 0s; }), HasSubstr("commit.every"));
  EXPECT_THAT(with([](auto& o) {
                o.settings = {{"enable.auto.commit", "true"}};
              }),
              HasSubstr("enable.auto.commit is decided by"));
  EXPECT_THAT(with([](auto& o) { o.settings = {{"no.such", "1"}}; }), HasSubstr("no.such"));
  EXPECT_THAT(with([](auto& o) {
                o.settings = {{"partition.assignment.strategy", "cooperative-sticky"}};
              }),
              HasSubstr("range or roundrobin"));
  EXPECT_THAT(with([](auto& o) {
                o.dead_letter_topic = "d";
                o.dead_letters = [](auto&) {};
              }),
              HasSubstr("both are set: leave one of them out"));
  EXPECT_THAT(with([](auto& o) { o.dead_letter_topic = "orders"; }),
              HasSubstr("none of the topics that are read"));
}

TEST(kafka_refused, no_broker_is_said_with_address_and_reason) {
  consumer::options options;
  options.brokers = "127.0.0.1:1";
  options.group = "g";
  options.topics = {"orders"};
  options.connect = 1s;
  EXPECT_THAT(refusal(options), testing::AllOf(HasSubstr("no broker of 127.0.0.1:1"),
                                               HasSubstr("Connection refused")));
}

TEST(kafka_refused, an_unknown_topic_is_said) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.fail_topic("odrers", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  EXPECT_THAT(refusal(options_for(broker, {"odrers"})), HasSubstr("there is no topic \"odrers\""));
  auto options = options_for(broker);
  options.dead_letter_topic = "odrers";
  EXPECT_THAT(refusal(options), HasSubstr("there is no dead letter topic \"odrers\""));
}

} // namespace
} // namespace convoy::kafka::test
