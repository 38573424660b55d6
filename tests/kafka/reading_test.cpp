#include "mock.hpp"

#include <gmock/gmock.h>

namespace convoy::kafka::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(kafka_reading, handles_each_record_once_in_the_order_of_its_key) {
  mock_kafka broker;
  broker.create("orders", 3);
  for (int partition = 0; partition < 3; ++partition)
    broker.produce_numbers("orders", partition, 200, 7);
  seen handled;
  runtime rt{{.concurrency = 4}};
  running<> c(
      rt,
      [&](const std::string& key, record& r) {
        handled.add(key + "/" + std::to_string(r.partition()), *r.value());
      },
      options_for(broker));
  ASSERT_TRUE(eventually([&] { return handled.count() == 600; }));
  const auto account = c.stop();
  EXPECT_EQ(account.read, 600);
  EXPECT_EQ(account.handled, 600);
  EXPECT_EQ(handled.count(), 600);
  EXPECT_EQ(handled.values().size(), 21);
  for (const auto& [key, values] : handled.values())
    for (std::size_t i = 0; i + 1 < values.size(); ++i)
      EXPECT_LT(std::stoi(values[i]), std::stoi(values[i + 1])) << key;
  for (int partition = 0; partition < 3; ++partition)
    EXPECT_EQ(broker.committed_of("billing", "orders", partition).offset, 200);
}

TEST(kafka_reading, what_is_empty_is_not_null) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.create("orders.dlt", 1);
  broker.produce("orders", 0, {{"", ""}});
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  options.dead_letter_topic = "orders.dlt";
  running<> c(
      rt, [](record&) { return outcome::skip; }, options);
  const auto letters = broker.read("orders.dlt");
  ASSERT_EQ(letters.size(), 1);
  EXPECT_EQ(letters[0].key, "");
  EXPECT_EQ(letters[0].value, ""); // and no tombstone
}

TEST(kafka_reading, gives_all_of_a_record) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce("orders", 0, {{"apple", std::nullopt}},
                 {{"a", "1"}, {"a", "2"}, {"b", std::nullopt}});
  std::vector<std::string> found;
  std::atomic<bool> done{false};
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt,
      [&](record& r) {
        found = {std::string(r.topic()), std::to_string(r.partition()), std::to_string(r.offset()),
                 std::string(r.key().value_or("null")), std::string(r.value().value_or("null"))};
        for (const auto& each : r.headers())
          found.push_back(std::string(each.name) + "=" + std::string(each.value.value_or("null")));
        found.emplace_back(r.header_value("a").value_or("none"));
        found.emplace_back(r.header_value("b").value_or("none"));
        const auto age = std::chrono::system_clock::now() - *r.timestamp();
        found.emplace_back(age > -1s && age < 60s ? "just now" : "long ago");
        done = true;
      },
      options_for(broker));
  ASSERT_TRUE(eventually([&] { return done.load(); }));
  c.stop();
  EXPECT_THAT(found, ElementsAre("orders", "0", "0", "apple", "null", "a=1", "a=2", "b=null", "1",
                                 "none", "just now"));
}

TEST(kafka_reading, records_without_a_key_go_in_the_order_of_their_partition) {
  mock_kafka broker;
  broker.create("orders", 2);
  for (int partition = 0; partition < 2; ++partition)
    broker.produce("orders", partition,
                   {{std::nullopt, "0"}, {std::nullopt, "1"}, {std::nullopt, "2"}});
  seen handled;
  runtime rt{{.concurrency = 4}};
  running<> c(
      rt, [&](const std::string& key, record& r) { handled.add(key, *r.value()); },
      options_for(broker));
  ASSERT_TRUE(eventually([&] { return handled.count() == 6; }));
  c.stop();
  EXPECT_THAT(handled.values(),
              ElementsAre(testing::Pair("orders[0]", ElementsAre("0", "1", "2")),
                          testing::Pair("orders[1]", ElementsAre("0", "1", "2"))));
}

TEST(kafka_reading, unordered_records_without_a_key_do_not_wait_for_each_other) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce("orders", 0, {{std::nullopt, "0"}, {std::nullopt, "1"}});
  std::atomic<int> inside{0};
  std::atomic<bool> both{false};
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  options.null_key = null_key::unordered;
  running<> c(
      rt,
      [&](record&) {
        ++inside;
        hold_until([&] { return inside == 2; });
        both = inside == 2;
      },
      options);
  EXPECT_TRUE(eventually([&] { return both.load(); }));
  c.stop();
}

// parallel-consumer#184: the same key in two topics got stuck.
TEST(kafka_reading, a_key_in_two_topics_is_one_key) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.create("payments", 1);
  broker.produce_numbers("orders", 0, 50, 1);
  broker.produce_numbers("payments", 0, 50, 1);
  int inside = 0; // one key's: needs no lock
  bool overlapped = false;
  std::atomic<int> handled{0};
  runtime rt{{.concurrency = 4}};
  running<> c(
      rt,
      [&](record&) {
        overlapped = overlapped || ++inside != 1;
        std::this_thread::sleep_for(100us);
        --inside;
        ++handled;
      },
      options_for(broker, {"orders", "payments"}));
  EXPECT_TRUE(eventually([&] { return handled == 100; }));
  c.stop();
  EXPECT_FALSE(overlapped);
}

TEST(kafka_reading, has_no_more_in_flight_than_it_may) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce_numbers("orders", 0, 500, 500);
  std::atomic<bool> open{false};
  std::atomic<int> handled{0};
  runtime rt{{.concurrency = 2}};
  auto options = options_for(broker);
  options.in_flight.records = 20;
  running<> c(
      rt,
      [&](record&) {
        hold_until([&] { return open.load(); });
        ++handled;
      },
      options);
  ASSERT_TRUE(eventually([&] {
    const auto at = c->positions();
    return !at.empty() && at[0].in_flight == 20;
  }));
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(c.position().in_flight, 20);
  EXPECT_EQ(c.position().lag, 500);
  open = true;
  EXPECT_TRUE(eventually([&] { return handled == 500; }));
  c.stop();
}

TEST(kafka_reading, spans_and_state) {
  mock_kafka broker;
  broker.create("orders", 1);
  broker.produce_numbers("orders", 0, 300, 3);
  std::atomic<int> handled{0}, wrong{0};
  runtime rt{{.concurrency = 2}};
  basic_consumer<int>::options options;
  options.brokers = broker.address();
  options.group = "billing";
  options.topics = {"orders"};
  running<basic_consumer<int>> c(
      rt,
      [&](const std::string&, std::span<record> all, int& count) {
        for (record& each : all) {
          wrong += std::stoi(std::string(*each.value())) / 3 != count++;
          ++handled;
        }
      },
      options);
  EXPECT_TRUE(eventually([&] { return handled == 300; }));
  EXPECT_EQ(c.stop().handled, 300);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(broker.committed_of("billing", "orders").offset, 300);
}

} // namespace
} // namespace convoy::kafka::test
