#include "server.hpp"

#include <gmock/gmock.h>

namespace convoy::nats::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::SizeIs;

// Dead letters that do not arrive at once, and who is told.

class nats_letters : public on_a_server {};

/// Whom it is told may wait for a worker that sends one just then.
TEST_F(nats_letters, are_told_of_while_others_are_sent) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.create("dead", {"dead"}, 1);
  nats.publish("dead", "it is full");
  nats.publish("orders.anna", "early");
  nats.publish("orders.bob", "late");
  std::atomic<bool> told{false}, late_is_sent{false}, was_sent_meanwhile{false};
  auto options = options_for(nats);
  options.dead_letter_subject = "dead";
  options.observe.dead = [&](const std::string& key, const record&, death) {
    late_is_sent = late_is_sent || key == "bob";
  };
  options.report = [&](std::string_view) {
    told = true;
    was_sent_meanwhile = eventually([&] { return late_is_sent.load(); });
  };
  runtime rt{{.concurrency = 2}};
  running<> c(
      rt,
      [&](record& r) {
        if (r.value() == "late")
          hold_until([&] { return told.load(); });
        return outcome::skip;
      },
      options);
  EXPECT_TRUE(eventually([&] { return was_sent_meanwhile.load(); }));
  EXPECT_EQ(c.stop().given_back, 2);
}

TEST_F(nats_letters, that_are_too_long_are_told_of) {
  server nats("max_payload: 2000");
  nats.create("orders", {"orders.>"});
  nats.create("dead", {"dead"});
  nats.publish("orders.anna", std::string(1900, 'x'));
  reports said;
  auto options = options_for(nats);
  options.dead_letter_subject = "dead";
  options.report = said.sink();
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt, [](record&) { return outcome::skip; }, options);
  ASSERT_TRUE(eventually([&] { return !said.all().empty(); }));
  EXPECT_THAT(said.all()[0],
              HasSubstr("sequence 1, does not get to \"dead\": with its headers it is "
                        "longer than the server takes"));
  std::this_thread::sleep_for(300ms); // it is offered again
  EXPECT_THAT(said.all(), SizeIs(1));
  EXPECT_EQ(c.stop().given_back, 1);
}

/// One empty header, and libnats could not read them.
TEST_F(nats_letters, have_headers_that_libnats_can_read) {
  server nats;
  nats.create("orders", {"orders.>"});
  nats.create("dead", {"dead"});
  nats.publish("orders.anna", "0", {{"Account", "7"}});
  auto options = options_for(nats);
  options.dead_letter_subject = "dead";
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt, [](record&) { return outcome::skip; }, options); // without a reason
  ASSERT_TRUE(eventually([&] { return !nats.read("dead").empty(); }));
  auto headers = nats.read("dead")[0].headers;
  headers.erase("Nats-Msg-Id");
  EXPECT_THAT(headers,
              ElementsAre(Pair("Account", "7"), Pair("convoy.attempts", "1"),
                          Pair("convoy.sequence", "1"), Pair("convoy.stream", "orders"),
                          Pair("convoy.subject", "orders.anna"), Pair("convoy.why", "failed")));
}

} // namespace
} // namespace convoy::nats::test
