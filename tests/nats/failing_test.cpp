#include "server.hpp"

#include <algorithm>
#include <cstddef>
#include <gmock/gmock.h>

namespace convoy::nats::test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

class nats_failing : public on_a_server {};

// ---- dead letters ----

TEST_F(nats_failing, dead_letters_are_published_and_finished) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.create("dead", {"dead.>"});
  nats.publish("orders.anna", "poison", {{"Account", "7"}});
  nats.publish("orders.anna", "good");
  auto options = options_for(nats);
  options.dead_letter_subject = "dead.orders";
  options.failure = failure_policy{.attempts = 2};
  seen handled;
  runtime rt{{.concurrency = 2}};
  running<> c(
      rt,
      [&](const std::string& key, record& r) {
        if (r.value() == "poison")
          throw std::runtime_error("it is\r\nbad");
        handled.add(key, r.value());
      },
      options);
  ASSERT_TRUE(
      eventually([&] { return c->positions().size() == 1 && c.position().watermark == 3; }));
  const auto account = c.stop();
  EXPECT_EQ(account.dead_letters, 1);
  EXPECT_EQ(account.handled, 1);
  const auto letters = nats.read("dead");
  ASSERT_EQ(letters.size(), 1);
  EXPECT_EQ(letters[0].subject, "dead.orders");
  EXPECT_EQ(letters[0].value, "poison");
  auto headers = letters[0].headers;
  EXPECT_EQ(headers["Account"], "7");
  EXPECT_EQ(headers["convoy.stream"], "orders");
  EXPECT_EQ(headers["convoy.sequence"], "1");
  EXPECT_EQ(headers["convoy.subject"], "orders.anna");
  EXPECT_EQ(headers["convoy.why"], "failed");
  EXPECT_EQ(headers["convoy.attempts"], "2");
  EXPECT_EQ(headers["convoy.error"], "it is  bad");
  EXPECT_THAT(nats.value("convoy_positions", "billing"), HasSubstr(":3:"));
}

TEST_F(nats_failing, a_full_stream_of_dead_letters_loses_none) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.create("dead", {"dead"}, 1);
  nats.publish_numbers("orders", 3, 3);
  auto options = options_for(nats);
  reports said;
  options.report = said.sink();
  options.dead_letter_subject = "dead";
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt, [](record&) { throw std::runtime_error("bad"); }, options);
  ASSERT_TRUE(eventually([&] { return !said.all().empty(); }));
  EXPECT_THAT(said.all()[0],
              AllOf(HasSubstr("does not get to \"dead\""), HasSubstr("maximum messages exceeded")));
  EXPECT_EQ(nats.read("dead").size(), 1);
  EXPECT_TRUE(eventually([&] { return c.position().in_flight == 2; }));
  nats.set_most_messages("dead", {"dead"}, 10);
  ASSERT_TRUE(eventually([&] { return c.position().watermark == 4; }));
  EXPECT_EQ(c.stop().dead_letters, 3);
  EXPECT_EQ(nats.read("dead").size(), 3);
}

TEST_F(nats_failing, a_stream_of_dead_letters_that_is_gone_is_waited_for) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.create("dead", {"dead"});
  auto options = options_for(nats);
  reports said;
  options.report = said.sink();
  options.dead_letter_subject = "dead";
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt, [](record&) { throw std::runtime_error("bad"); }, options);
  ASSERT_TRUE(eventually([&] { return c->positions().size() == 1; }));
  nats.remove("dead");
  nats.publish_numbers("orders", 1, 1);
  ASSERT_TRUE(eventually([&] { return !said.all().empty(); }));
  EXPECT_THAT(said.all()[0], HasSubstr("no stream takes it in"));
  const auto account = c.stop(); // it waits within on_stop.finish, and gives it back
  EXPECT_EQ(account.given_back, 1);
  EXPECT_EQ(account.dead_letters, 0);
}

TEST_F(nats_failing, a_record_that_holds_up_the_others_becomes_a_dead_letter_or_ends_it) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.create("dead", {"dead"});
  nats.publish_numbers("orders", 3, 3);
  auto options = options_for(nats);
  reports said;
  options.report = said.sink();
  options.blocked = {.after = 200ms, .then = blocked::stop};
  const auto handler = [](record& r) { return r.value() == "0" ? outcome::park : outcome::done; };
  {
    runtime rt{{.concurrency = 1}};
    running<> c(rt, handler, options);
    ASSERT_TRUE(eventually([&] { return c.has_ended(); }));
    EXPECT_THROW(c.wait(), error);
    EXPECT_THAT(said.all()[0], HasSubstr("orders is held up by position 1"));
  }
  options.blocked.then = blocked::dead_letter;
  options.dead_letter_subject = "dead";
  runtime rt{{.concurrency = 1}};
  running<> c(rt, handler, options);
  ASSERT_TRUE(eventually([&] { return !nats.read("dead").empty(); }));
  ASSERT_TRUE(eventually([&] { return c.position().watermark == 4; }));
  c.stop();
}

// ---- positions ----

TEST_F(nats_failing, of_two_with_one_name_the_later_goes_on) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish_numbers("orders", 100, 5);
  seen first, second;
  runtime rt{{.concurrency = 2}};
  running<> one(
      rt, [&](const std::string& key, record& r) { first.add(key, r.value()); }, options_for(nats));
  ASSERT_TRUE(eventually([&] { return first.count() == 100; }));
  ASSERT_TRUE(eventually([&] { return one.position().committed == 101; }));
  running<> other(
      rt, [&](const std::string& key, record& r) { second.add(key, r.value()); },
      options_for(nats));
  ASSERT_TRUE(eventually([&] { return one.has_ended(); })); // though it has nothing to commit
  try {
    one.wait();
    ADD_FAILURE() << "it has ended in peace";
  } catch (const error& thrown) {
    EXPECT_THAT(thrown.what(), HasSubstr("another consumer has taken over"));
  }
  nats.publish_numbers("orders", 100, 5);
  ASSERT_TRUE(eventually([&] { return second.count() == 100; }));
  EXPECT_EQ(first.count(), 100);
  EXPECT_FALSE(other.has_ended());
  other.stop();
  EXPECT_THAT(nats.value("convoy_positions", "billing"), HasSubstr(":201:"));
}

// It has records in flight; what it finishes then is not committed over the other's position.
TEST_F(nats_failing, one_that_was_taken_over_commits_nothing) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish_numbers("orders", 1, 1);
  std::atomic<bool> inside{false}, open{false};
  auto options = options_for(nats);
  options.commit.every = 1h; // it notices in the end
  runtime rt{{.concurrency = 2}};
  running<> one(
      rt,
      [&](record&) {
        inside = true;
        hold_until([&] { return open.load(); });
      },
      options);
  ASSERT_TRUE(eventually([&] { return inside.load(); }));
  running<> other(
      rt, [](record&) { return outcome::park; }, options_for(nats));
  ASSERT_TRUE(eventually(
      [&] { return other->positions().size() == 1 && other.position().in_flight == 1; }));
  std::this_thread::sleep_for(200ms);
  const auto before = nats.value("convoy_positions", "billing");
  open = true;
  EXPECT_THROW(one.stop(), error);
  EXPECT_EQ(nats.value("convoy_positions", "billing"), before);
  other.stop();
}

TEST_F(nats_failing, a_position_that_is_deleted_or_damaged_begins_at_the_beginning) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish_numbers("orders", 100, 5);
  const auto count = [&](std::size_t expected) {
    seen handled;
    reports said;
    auto options = options_for(nats);
    options.report = said.sink();
    runtime rt{{.concurrency = 2}};
    running<> c(
        rt, [&](const std::string& key, record& r) { handled.add(key, r.value()); }, options);
    EXPECT_TRUE(eventually([&] { return handled.count() == expected && !c->positions().empty(); }));
    std::this_thread::sleep_for(100ms);
    c.stop();
    EXPECT_EQ(handled.count(), expected);
    return said.all();
  };
  EXPECT_THAT(count(100), ElementsAre());
  EXPECT_THAT(count(0), ElementsAre());
  nats.remove("convoy_positions", "billing");
  EXPECT_THAT(count(100), ElementsAre(HasSubstr("was deleted")));
  auto value = nats.value("convoy_positions", "billing");
  ++value[value.find(":101:") + 1]; // 201
  nats.put("convoy_positions", "billing", value);
  EXPECT_THAT(count(100), ElementsAre(HasSubstr("is damaged")));
  nats.put("convoy_positions", "billing", "");
  EXPECT_THAT(count(100), ElementsAre(HasSubstr("is damaged")));
  EXPECT_THAT(count(0), ElementsAre());
}

TEST_F(nats_failing, a_stream_that_was_made_anew_is_not_read_from_the_old_position) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish_numbers("orders", 100, 5);
  {
    seen handled;
    runtime rt{{.concurrency = 2}};
    running<> c(
        rt, [&](const std::string& key, record& r) { handled.add(key, r.value()); },
        options_for(nats));
    ASSERT_TRUE(eventually([&] { return handled.count() == 100; }));
    nats.remove("orders");
    nats.create("orders", {"orders.>"});
    nats.publish_numbers("orders", 10, 5);
    ASSERT_TRUE(eventually([&] { return c.has_ended(); })); // while it runs it sees it too
    try {
      c.wait();
      ADD_FAILURE() << "it has ended in peace";
    } catch (const error& thrown) {
      EXPECT_THAT(thrown.what(), HasSubstr("deleted and made anew"));
    }
  }
  EXPECT_THAT(why(options_for(nats)), HasSubstr("it was made anew"));
  nats.publish_numbers("orders", 200, 5); // longer than it was
  EXPECT_THAT(why(options_for(nats)), HasSubstr("it was made anew"));
}

TEST_F(nats_failing, what_was_purged_is_no_error) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish_numbers("orders", 100, 5);
  (void)nats.ask("$JS.API.STREAM.PURGE.orders");
  nats.publish_numbers("orders", 10, 5);
  seen handled;
  runtime rt{{.concurrency = 2}};
  running<> c(
      rt, [&](const std::string& key, record& r) { handled.add(key, r.value()); },
      options_for(nats));
  ASSERT_TRUE(eventually([&] { return handled.count() == 10; }));
  ASSERT_TRUE(eventually([&] { return c.position().watermark == 111; }));
  c.stop();
}

// ---- a server that is away ----

TEST_F(nats_failing, reading_goes_on_after_the_server_was_killed) {
  server nats;
  nats.create("orders", {"orders.>"});
  seen handled;
  reports said;
  auto options = options_for(nats);
  options.in_flight.records = 100;
  options.report = said.sink();
  runtime rt{{.concurrency = 4}};
  running<> c(
      rt,
      [&](const std::string& key, record& r) {
        std::this_thread::sleep_for(500us);
        handled.add(key, r.value());
      },
      options);
  std::size_t published = 0;
  for (const std::size_t kills : {1U, 2U, 3U}) {
    nats.publish_numbers("orders", 1000, 7);
    ASSERT_TRUE(eventually([&] { return handled.count() > published + 300; }));
    published += 1000;
    nats.kill();
    ASSERT_TRUE(eventually([&] {
      const auto all = said.all();
      return std::count_if(all.begin(), all.end(), [](const std::string& each) {
               return each.find("is lost") != each.npos;
             }) == static_cast<std::ptrdiff_t>(kills);
    }));
    std::this_thread::sleep_for(300ms);
    nats.start();
  }
  nats.publish_numbers("orders", 1000, 7);
  ASSERT_TRUE(eventually([&] { return handled.count() == 4000; })) << handled.count();
  ASSERT_TRUE(eventually([&] { return c.position().committed == 4001; }));
  const auto account = c.stop();
  EXPECT_EQ(account.read, 4000);
  EXPECT_EQ(handled.count(), 4000);   // none twice
  for (const auto& each : said.all()) // a commit whose answer was killed fails the next time
    EXPECT_THAT(each, AnyOf(HasSubstr("is lost"), HasSubstr("it is tried again")));
}

TEST_F(nats_failing, a_consumer_that_the_server_has_lost_is_made_again) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.publish_numbers("orders", 10, 1);
  seen handled;
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt, [&](const std::string& key, record& r) { handled.add(key, r.value()); },
      options_for(nats));
  ASSERT_TRUE(eventually([&] { return handled.count() == 10; }));
  const auto names = nats.ask("$JS.API.CONSUMER.NAMES.orders"); // …"consumers":["xyz"]}
  const auto at = names.find("\"consumers\":[\"") + 14;
  EXPECT_THAT(
      nats.ask("$JS.API.CONSUMER.DELETE.orders." + names.substr(at, names.find('"', at) - at)),
      HasSubstr("\"success\":true"));
  nats.publish_numbers("orders", 10, 1);
  ASSERT_TRUE(eventually([&] { return handled.count() == 20; }));
  EXPECT_EQ(c.stop().read, 20);
}

// The answers to commits get lost, but the server has kept them.
TEST_F(nats_failing, a_server_that_says_nothing_for_a_while_is_no_other_reader) {
  server nats;
  nats.create("orders", {"orders.>"});
  constexpr int count = 6'000;
  nats.publish_numbers("orders", count, 50);
  seen handled;
  auto options = options_for(nats);
  options.commit.every = 5ms;
  runtime rt{{.concurrency = 2}};
  running<> c(
      rt,
      [&](const std::string& key, record& r) {
        std::this_thread::sleep_for(200us);
        handled.add(key, r.value());
      },
      options);
  for (const std::size_t at : {1000U, 3000U}) {
    ASSERT_TRUE(eventually([&] { return handled.count() > at; }));
    nats.freeze();
    std::this_thread::sleep_for(2500ms); // a request waits for 2 s
    nats.thaw();
  }
  EXPECT_TRUE(eventually([&] { return handled.count() == count; }));
  EXPECT_EQ(c.stop().handled, count);
  EXPECT_EQ(handled.count(), count);
  EXPECT_THAT(nats.value("convoy_positions", "billing"), HasSubstr(":6001:"));
}

} // namespace
} // namespace convoy::nats::test
