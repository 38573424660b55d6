// Topics of the mock cluster that librdkafka has within itself: it speaks the protocol, on a port
// of its own.

#include "broker/read.hpp"
#include "text/input_error.hpp"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class cluster {
public:
  cluster()
      : owner_{client(""), &rd_kafka_destroy}, mock_{rd_kafka_mock_cluster_new(owner_.get(), 1),
                                                     &rd_kafka_mock_cluster_destroy},
        producer_{client(address()), &rd_kafka_destroy} {}

  [[nodiscard]] std::string address() const {
    return rd_kafka_mock_cluster_bootstraps(mock_.get());
  }

  [[nodiscard]] rd_kafka_mock_cluster_t* mock() const { return mock_.get(); }

  void create(const std::string& topic, int partitions) {
    ASSERT_EQ(rd_kafka_mock_topic_create(mock_.get(), topic.c_str(), partitions, 1),
              RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  /// `key`: null where there is none.
  void produce(const std::string& topic, int partition, const std::string* key,
               const std::string* value, std::int64_t ms, const char* header = nullptr) {
    std::vector<rd_kafka_vu_t> parts{
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u = {.cstr = topic.c_str()}},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u = {.i32 = partition}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u = {.i = RD_KAFKA_MSG_F_COPY}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u = {.i64 = ms}},
    };
    const auto add = [&](rd_kafka_vtype_t what, const std::string* text) {
      if (text != nullptr)
        parts.push_back(
            {.vtype = what,
             .u = {.mem = {.ptr = const_cast<char*>(text->data()), .size = text->size()}}});
    };
    add(RD_KAFKA_VTYPE_KEY, key);
    add(RD_KAFKA_VTYPE_VALUE, value);
    if (header != nullptr)
      parts.push_back({.vtype = RD_KAFKA_VTYPE_HEADER,
                       .u = {.header = {.name = "who", .val = header, .size = -1}}});
    ASSERT_EQ(rd_kafka_produceva(producer_.get(), parts.data(), parts.size()), nullptr);
    ASSERT_EQ(rd_kafka_flush(producer_.get(), 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  void produce(const std::string& topic, int partition, const std::string& key,
               const std::string& value, std::int64_t ms) {
    produce(topic, partition, &key, &value, ms);
  }

private:
  static rd_kafka_t* client(const std::string& servers) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", servers.c_str(), nullptr, 0);
    rd_kafka_conf_set(conf, "linger.ms", "0", nullptr, 0);
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0);
  }

  std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> owner_;
  std::unique_ptr<rd_kafka_mock_cluster_t, decltype(&rd_kafka_mock_cluster_destroy)> mock_;
  std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> producer_;
};

struct kafka_topic : ::testing::Test {
  broker_request of(const std::string& topic) {
    broker_request request;
    request.url = parse_broker_url("kafka://" + brokers.address() + "/" + topic);
    return request;
  }

  trace read(const broker_request& request) { return read_broker(request, progress); }

  std::string why_refused(const broker_request& request) {
    try {
      static_cast<void>(read(request));
    } catch (const input_error& error) {
      return error.what();
    }
    return "it was not refused";
  }

  cluster brokers;
  broker_progress progress;
};

TEST_F(kafka_topic, is_read_with_key_time_and_size_of_each_record) {
  brokers.create("orders", 3);
  brokers.produce("orders", 2, "b", "12345", 1'600'000'000'007);
  brokers.produce("orders", 0, "a", "1", 1'600'000'000'000);
  brokers.produce("orders", 0, "b", "", 1'600'000'000'009);
  const trace made = read(of("orders"));
  ASSERT_EQ(made.events.size(), 3U);
  EXPECT_THAT(made.keys, UnorderedElementsAre("a", "b"));
  EXPECT_EQ(made.keys[made.events[0].key], "a");
  EXPECT_EQ(made.events[1].at_ns, 7'000'000);
  EXPECT_EQ(made.events[1].bytes, 5);
  EXPECT_EQ(made.events[2].at_ns, 9'000'000);
  EXPECT_EQ(made.events[2].bytes, 0);
  EXPECT_EQ(made.begins_at_ns, 1'600'000'000'000'000'000);
  EXPECT_EQ(made.source, "kafka://" + brokers.address() + "/orders");
  EXPECT_THAT(made.not_read.notes, IsEmpty());
  EXPECT_EQ(progress.done, 3U);
  EXPECT_EQ(progress.all, 3U);
}

TEST_F(kafka_topic, gives_records_without_a_key_that_of_their_partition_and_keeps_empty_keys) {
  brokers.create("orders", 2);
  const std::string value = "v";
  const std::string empty;
  const std::string bytes{"\0\xff", 2};
  brokers.produce("orders", 0, nullptr, &value, 1);
  brokers.produce("orders", 1, nullptr, nullptr, 2); // a tombstone, of nobody
  brokers.produce("orders", 1, nullptr, &value, 3);
  brokers.produce("orders", 1, &empty, &value, 4);
  brokers.produce("orders", 1, &bytes, &value, 5);
  const trace made = read(of("orders"));
  EXPECT_THAT(made.keys, ElementsAre("orders[0]", "orders[1]", "", bytes));
  EXPECT_EQ(made.events[1].bytes, 0);
  ASSERT_EQ(made.not_read.notes.size(), 2U);
  EXPECT_THAT(made.not_read.notes[0], HasSubstr("/orders: 3 records have no key"));
  EXPECT_THAT(made.not_read.notes[0], HasSubstr("in 2 partitions"));
  EXPECT_THAT(made.not_read.notes[1], HasSubstr("1 record has a key of no bytes"));
}

TEST_F(kafka_topic, is_read_from_the_last_offsets_on_and_says_so) {
  brokers.create("orders", 2);
  for (int i = 0; i < 5; ++i)
    brokers.produce("orders", 0, std::to_string(i), "v", i);
  brokers.produce("orders", 1, "x", "v", 9);
  broker_request request = of("orders");
  request.last = 2;
  const trace made = read(request);
  EXPECT_THAT(made.keys, ElementsAre("3", "4", "x"));
  EXPECT_THAT(made.not_read.notes, ElementsAre(HasSubstr("of 6 offsets the last 3 were read")));
}

TEST_F(kafka_topic, may_be_keyed_by_a_header) {
  brokers.create("orders", 1);
  const std::string key = "k";
  brokers.produce("orders", 0, &key, &key, 1, "me");
  brokers.produce("orders", 0, &key, &key, 2);
  broker_request request = of("orders");
  request.key_header = "who";
  EXPECT_THAT(why_refused(request),
              HasSubstr("/orders: orders[0], offset 1: the record has no header \"who\""));
  request.skip_bad = 1;
  const trace made = read(request);
  EXPECT_THAT(made.keys, ElementsAre("me"));
  EXPECT_EQ(made.not_read.bad_lines, 1U);
}

TEST_F(kafka_topic, without_records_is_refused) {
  brokers.create("orders", 2);
  EXPECT_THAT(why_refused(of("orders")), HasSubstr("/orders: the topic is empty"));
}

TEST_F(kafka_topic, that_does_not_exist_is_refused_with_those_that_do) {
  brokers.create("orders", 1);
  brokers.create("trades", 1);
  brokers.create("gone", 1);
  rd_kafka_mock_topic_set_error(brokers.mock(), "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  EXPECT_THAT(why_refused(of("gone")),
              HasSubstr("/gone: there is no topic \"gone\"; there are orders, trades"));
}

TEST_F(kafka_topic, that_the_user_may_not_see_is_refused) {
  brokers.create("orders", 1);
  rd_kafka_mock_topic_set_error(brokers.mock(), "orders",
                                RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  EXPECT_THAT(why_refused(of("orders")), HasSubstr("Topic authorization failed"));
}

TEST_F(kafka_topic, that_fails_while_it_is_read_is_refused_as_a_whole) {
  brokers.create("orders", 1);
  brokers.produce("orders", 0, "a", "v", 1);
  constexpr std::int16_t fetch = 1;
  rd_kafka_mock_push_request_errors(brokers.mock(), fetch, 1,
                                    RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
  EXPECT_THAT(why_refused(of("orders")), HasSubstr("its oldest records were deleted"));
}

TEST_F(kafka_topic, whose_broker_falls_silent_is_refused_in_time) {
  brokers.create("orders", 1);
  brokers.produce("orders", 0, "a", "v", 1);
  broker_request request = of("orders");
  request.patience = std::chrono::milliseconds{500};
  rd_kafka_mock_broker_set_rtt(brokers.mock(), 1, 30'000);
  EXPECT_THAT(why_refused(request), HasSubstr("no broker answered in 0.5 s"));
}

TEST_F(kafka_topic, whose_broker_is_down_is_refused_with_address_and_reason) {
  const broker_request request = of("orders");
  rd_kafka_mock_broker_set_down(brokers.mock(), 1);
  const std::string why = why_refused(request);
  EXPECT_THAT(why, HasSubstr("no broker can be reached; " + brokers.address()));
  EXPECT_THAT(why, HasSubstr("Connection refused"));
}

TEST_F(kafka_topic, takes_settings_of_librdkafka_but_those_that_decide_what_is_read) {
  brokers.create("orders", 1);
  brokers.produce("orders", 0, "a", "v", 1);
  broker_request request = of("orders");
  request.settings = {{"fetch.message.max.bytes", "100000"},
                      {"isolation.level", "read_uncommitted"}};
  EXPECT_EQ(read(request).events.size(), 1U);
  request.settings = {{"group.id", "mine"}};
  EXPECT_THAT(why_refused(request), HasSubstr("group.id: convoy sets it itself"));
  request.settings = {{"no.such", "x"}};
  EXPECT_THAT(why_refused(request), HasSubstr("\"no.such\": No such configuration property"));
}

TEST_F(kafka_topic, has_no_subjects) {
  broker_request request = of("orders");
  request.key_token = 1;
  EXPECT_THAT(why_refused(request), HasSubstr("--key-token"));
}

} // namespace
} // namespace convoy::tool
