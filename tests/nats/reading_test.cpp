#include "flying_record.hpp"
#include "letters.hpp"
#include "place.hpp"
#include "position.hpp"
#include "server.hpp"

#include <gmock/gmock.h>

namespace convoy::nats::test {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Pair;

class nats_reading : public on_a_server {};

TEST_F(nats_reading, handles_each_record_once_in_the_order_of_its_key) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish_numbers("orders", 600, 7);
  seen handled;
  runtime rt{{.concurrency = 4}};
  running<> c(
      rt, [&](const std::string& key, record& r) { handled.add(key, r.value()); },
      options_for(nats));
  ASSERT_TRUE(eventually([&] { return handled.count() == 600; }));
  const auto account = c.stop();
  EXPECT_EQ(account.read, 600);
  EXPECT_EQ(account.handled, 600);
  EXPECT_EQ(handled.count(), 600);
  EXPECT_EQ(handled.values().size(), 7);
  for (const auto& [key, values] : handled.values())
    for (std::size_t i = 0; i + 1 < values.size(); ++i)
      EXPECT_LT(std::stoi(values[i]), std::stoi(values[i + 1])) << key;
  EXPECT_THAT(nats.value("convoy_positions", "billing"), HasSubstr(":601:"));
}

TEST_F(nats_reading, gives_all_of_a_record) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish("orders.anna", "apple", {{"a", "1"}, {"a", "2"}, {"b", "3"}});
  std::vector<std::string> found;
  std::atomic<bool> done{false};
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt,
      [&](record& r) {
        found = {std::string(r.stream()), std::to_string(r.sequence()), std::string(r.subject()),
                 std::string(r.key().value_or("none")), std::string(r.value())};
        for (const auto& each : r.headers())
          found.push_back(std::string(each.name) + "=" + std::string(each.value));
        found.emplace_back(r.header_value("a").value_or("none"));
        found.emplace_back(r.header_value("c").value_or("none"));
        const auto age = std::chrono::system_clock::now() - r.timestamp();
        found.emplace_back(age > -1s && age < 60s ? "just now" : "long ago");
        done = true;
      },
      options_for(nats));
  ASSERT_TRUE(eventually([&] { return done.load(); }));
  c.stop();
  EXPECT_THAT(found, ElementsAre("orders", "1", "orders.anna", "anna", "apple", "a=1", "a=2", "b=3",
                                 "1", "none", "just now"));
}

TEST_F(nats_reading, the_key_is_what_it_was_told_to_be) {
  server nats;
  nats.create("orders", {"orders", "orders.>"});
  nats.publish("orders.anna.new", "0", {{"Account", "7"}});
  nats.publish("orders", "1");
  nats.publish("orders.anna.paid", "2", {{"Account", "8"}});
  const auto keys_by = [&](key_rule rule, null_key without, const std::string& subject = {}) {
    seen handled;
    auto options = options_for(nats);
    options.name = "reader-" + std::to_string(rule.token()) + rule.header() +
                   std::to_string(static_cast<int>(without)) + std::to_string(subject.size());
    options.key = std::move(rule);
    options.null_key = without;
    options.subject = subject;
    runtime rt{{.concurrency = 2}};
    running<> c(
        rt, [&](const std::string& key, record& r) { handled.add(key, r.value()); }, options);
    EXPECT_TRUE(eventually([&] { return handled.count() == (subject.empty() ? 3 : 2); }));
    c.stop();
    return handled.values();
  };
  EXPECT_THAT(keys_by({}, null_key::per_stream),
              ElementsAre(Pair("orders", ElementsAre("1")),
                          Pair("orders.anna.new", ElementsAre("0")),
                          Pair("orders.anna.paid", ElementsAre("2"))));
  EXPECT_THAT(keys_by(token(2), null_key::per_stream),
              ElementsAre(Pair("anna", ElementsAre("0", "2")), Pair("orders", ElementsAre("1"))));
  EXPECT_THAT(keys_by(token(3), null_key::unordered),
              ElementsAre(Pair("new", ElementsAre("0")), Pair("orders@2", ElementsAre("1")),
                          Pair("paid", ElementsAre("2"))));
  EXPECT_THAT(keys_by(header_key("Account"), null_key::per_stream),
              ElementsAre(Pair("7", ElementsAre("0")), Pair("8", ElementsAre("2")),
                          Pair("orders", ElementsAre("1"))));
  EXPECT_THAT(keys_by(token(3), null_key::per_stream, "orders.*.*"),
              ElementsAre(Pair("new", ElementsAre("0")), Pair("paid", ElementsAre("2"))));
}

TEST_F(nats_reading, begins_where_the_one_before_has_ended) {
  server nats;
  nats.create("orders", {"orders.>"});
  seen handled;
  for (const std::size_t all : {100U, 200U, 300U}) {
    nats.publish_numbers("orders", 100, 5);
    runtime rt{{.concurrency = 2}};
    running<> c(
        rt, [&](const std::string& key, record& r) { handled.add(key, r.value()); },
        options_for(nats));
    ASSERT_TRUE(eventually([&] { return handled.count() == all; }));
    EXPECT_EQ(c.stop().read, 100);
  }
  EXPECT_EQ(handled.count(), 300);
}

TEST_F(nats_reading, what_is_finished_above_a_record_that_is_not_is_passed_over) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish("orders.stuck", "first");
  nats.publish_numbers("orders", 100, 5);
  for (const bool gaps : {true, false}) {
    seen handled;
    auto options = options_for(nats);
    options.name = gaps ? "with" : "without";
    options.commit.gaps = gaps;
    {
      runtime rt{{.concurrency = 2}};
      running<> c(
          rt,
          [&](const std::string& key, record& r) {
            if (key == "stuck")
              return outcome::park;
            handled.add(key, r.value());
            return outcome::done;
          },
          options);
      ASSERT_TRUE(eventually([&] { return handled.count() == 100; }));
      EXPECT_TRUE(eventually([&] { return c->positions().size() == 1; }));
      EXPECT_EQ(c.stop().given_back, 1);
    }
    runtime rt{{.concurrency = 2}};
    running<> c(
        rt, [&](const std::string& key, record& r) { handled.add(key, r.value()); }, options);
    ASSERT_TRUE(eventually([&] { return handled.count() == (gaps ? 101 : 201); }));
    EXPECT_EQ(c.stop().passed_over, gaps ? 100 : 0);
  }
}

/// What all consumers that there are, or were a moment ago, have been sent.
std::vector<int> sent_by(const std::string& list) {
  const std::string before = "\"delivered\":{\"consumer_seq\":";
  std::vector<int> each;
  for (auto at = list.find(before); at != list.npos; at = list.find(before, at + 1))
    each.push_back(std::stoi(list.substr(at + before.size())));
  return each;
}

// More than libnats keeps unless it is told to, more than the server sends ahead, and no room.
TEST_F(nats_reading, while_there_is_no_room_nothing_is_fetched_twice) {
  server nats;
  nats.create("orders", {"orders.>"});
  constexpr int count = 100'000;
  nats.publish_numbers("orders", count, 50);
  seen handled;
  std::atomic<bool> open{false};
  auto options = options_for(nats);
  options.in_flight.records = 10;
  runtime rt{{.concurrency = 2}};
  running<> c(
      rt,
      [&](const std::string& key, record& r) {
        hold_until([&] { return open.load(); });
        handled.add(key, r.value());
      },
      options);
  ASSERT_TRUE(eventually([&] {
    const auto its = c->positions();
    return its.size() == 1 && its[0].in_flight == 10;
  }));
  // Longer than it takes to miss a server that says nothing.
  ASSERT_TRUE(eventually([&] { return c.position().oldest >= 5s; }));
  const auto ahead = c.position();
  EXPECT_EQ(ahead.in_flight, 10);
  EXPECT_EQ(ahead.watermark, 0 + 1);
  EXPECT_EQ(ahead.lag, count);
  open = true;
  ASSERT_TRUE(eventually([&] { return handled.count() == count; }));
  const auto sent = sent_by(nats.ask("$JS.API.CONSUMER.LIST.orders"));
  EXPECT_EQ(c.stop().read, count);
  EXPECT_EQ(handled.count(), count);
  if (sent.size() > 1)
    GTEST_SKIP() << "the machine was so busy that the server was not heard: another began anew";
  EXPECT_EQ(sent, std::vector{count});
}

TEST_F(nats_reading, stop_waits_for_handlers_that_run) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish_numbers("orders", 20, 1);
  seen handled;
  std::atomic<bool> inside{false};
  auto options = options_for(nats);
  options.on_stop.finish = 2min;
  {
    runtime rt{{.concurrency = 2}};
    running<> c(
        rt,
        [&](const std::string& key, record& r) {
          inside = true;
          std::this_thread::sleep_for(300ms);
          handled.add(key, r.value());
        },
        options);
    ASSERT_TRUE(eventually([&] { return inside.load(); }));
    const auto account = c.stop();
    EXPECT_EQ(account.read, account.handled + account.given_back);
    EXPECT_EQ(account.handled, handled.count());
    EXPECT_LT(handled.count(), 20);
  }
  runtime rt{{.concurrency = 2}};
  running<> c(
      rt, [&](const std::string& key, record& r) { handled.add(key, r.value()); },
      options_for(nats));
  ASSERT_TRUE(eventually([&] { return handled.count() >= 20; }));
  c.stop();
  EXPECT_EQ(handled.count(), 20); // none twice
}

TEST_F(nats_reading, a_record_that_was_moved_away_is_finished_by_whoever_has_it) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish_numbers("orders", 2, 1);
  std::mutex lock;
  std::vector<record> kept;
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt,
      [&](record& r) {
        const std::lock_guard guard(lock);
        kept.push_back(std::move(r));
      },
      options_for(nats));
  const auto count = [&] {
    const std::lock_guard guard(lock);
    return kept.size();
  };
  ASSERT_TRUE(eventually([&] { return count() == 2; }));
  kept[0].done();
  kept.erase(kept.begin());
  EXPECT_TRUE(eventually([&] { return c.position().watermark == 2; }));
  kept.clear(); // not done
  const auto account = c.stop();
  EXPECT_EQ(account.handled, 1);
  EXPECT_EQ(account.given_back, 1);
}

TEST(nats_options, that_make_no_sense_are_refused) {
  const consumer::options good{.url = "nats://127.0.0.1:1", .stream = "orders", .name = "billing"};
  const auto why_not = [&](auto change) -> std::string {
    auto options = good;
    change(options);
    runtime rt{{.concurrency = 1}};
    try {
      consumer c(
          rt, [](record&) {}, options);
    } catch (const std::invalid_argument& refused) {
      return refused.what();
    }
    return "";
  };
  EXPECT_EQ(why_not([](auto&) {}), "");
  EXPECT_THAT(why_not([](auto& o) { o.url = ""; }), HasSubstr("url"));
  EXPECT_THAT(
      why_not([](auto& o) { o.url = "nats://a:1, http://me:secret@b:1"; }),
      EndsWith("url must be nats://host:port, with commas between several, without http://"));
  EXPECT_EQ(why_not([](auto& o) { o.url = "tls://a:1,b:1,me:se://cret@c:1"; }), "");
  EXPECT_THAT(why_not([](auto& o) { o.stream = "a.b"; }), HasSubstr("stream"));
  EXPECT_THAT(why_not([](auto& o) { o.name = "a b"; }), HasSubstr("name"));
  EXPECT_THAT(why_not([](auto& o) { o.name = ".a"; }), HasSubstr("name"));
  EXPECT_THAT(why_not([](auto& o) { o.bucket = "a.b"; }), HasSubstr("bucket"));
  EXPECT_THAT(why_not([](auto& o) { o.subject = "a b"; }), HasSubstr("subject"));
  EXPECT_THAT(why_not([](auto& o) { o.dead_letter_subject = "a.*"; }), HasSubstr("wildcards"));
  EXPECT_THAT(why_not([](auto& o) { o.settings = {{"pasword", "x"}}; }), HasSubstr("pasword"));
  EXPECT_THAT(why_not([](auto& o) { o.in_flight.records = 0; }), HasSubstr("in_flight.records"));
  EXPECT_THAT(why_not([](auto& o) {
                o.dead_letter_subject = "dead";
                o.dead_letters = [](auto&) {};
              }),
              HasSubstr("both are set: leave one of them out"));
  EXPECT_THROW((void)token(0), std::invalid_argument);
  EXPECT_THROW((void)header_key(""), std::invalid_argument);
}

TEST(nats_text, the_place_of_a_message) {
  using detail::place;
  using detail::place_from;
  const place its{.sequence = 3, .delivery = 2, .timestamp_ns = 1796127680364790844, .pending = 7};
  EXPECT_EQ(place_from("$JS.ACK.orders.hOAIqArC.1.3.2.1796127680364790844.7"), its);
  EXPECT_EQ(place_from("$JS.ACK.hub.acc.orders.hOAI.1.3.2.1796127680364790844.7"), its);
  EXPECT_EQ(place_from("$JS.ACK.hub.acc.orders.hOAI.1.3.2.1796127680364790844.7.random.more"), its);
  for (const char* wrong :
       {"", "$JS.ACK.", "_INBOX.x", "$JS.ACK.orders.c.1.3.2.5", "$JS.ACK.orders.c.1.x.2.5.7",
        "$JS.ACK.orders.c.1.3.2.5.7x", "$JS.ACK.orders.c.1.-3.2.5.7", "$JS.ACK.a.b.c.d.e.f.g.h"})
    EXPECT_EQ(place_from(wrong), std::nullopt) << wrong;
}

TEST(nats_text, what_a_stream_answers_to_a_letter) {
  using detail::refusal_in;
  EXPECT_EQ(refusal_in(R"({"stream":"dead","seq":17})"), "");
  EXPECT_EQ(refusal_in(R"({"stream":"dead","seq":17,"duplicate": true})"), "");
  EXPECT_EQ(
      refusal_in(
          R"({"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"dead","seq":0})"),
      "maximum messages exceeded");
  EXPECT_NE(refusal_in(""), "");
  EXPECT_NE(refusal_in("+OK"), "");
}

TEST(nats_text, the_value_of_a_position) {
  const auto its = detail::position_from_value(detail::to_value({"me", -5, "text"}));
  ASSERT_TRUE(its);
  EXPECT_EQ(its->owner + std::to_string(its->created_ns) + its->text, "me-5text");
  for (const char* wrong : {"", "me", "me 5", "me x text", "me 5x text"})
    EXPECT_FALSE(detail::position_from_value(wrong)) << wrong;
}

TEST(nats_text, a_login_is_not_shown) {
  EXPECT_EQ(detail::shown("nats://anna:secret@127.0.0.1:1,nats://b:2,u@c"),
            "nats://127.0.0.1:1,nats://b:2,c");
}

} // namespace
} // namespace convoy::nats::test
