#include "server.hpp"

#include <gmock/gmock.h>

namespace convoy::nats::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class nats_refused : public on_a_server {};

// What is wrong from the start.

TEST_F(nats_refused, no_server) {
  auto nats = std::make_unique<server>();
  auto options = options_for(*nats);
  nats.reset();
  options.connect = 500ms;
  EXPECT_THAT(why(options), AllOf(HasSubstr("no server has answered"), HasSubstr("127.0.0.1")));
}

TEST_F(nats_refused, a_wrong_password_is_refused_at_once) {
  const server nats("authorization { user: anna, password: right }", true, "anna:right");
  auto options = options_for(nats);
  options.settings = {{"user", "anna"}, {"password", "wrong"}};
  options.connect = 1h;
  EXPECT_THAT(why(options), AllOf(HasSubstr("refuses the login"), HasSubstr("settings")));
  options.settings.clear();
  options.url = nats.url("anna:wrong");
  EXPECT_THAT(why(options),
              AllOf(HasSubstr("refuses the login"), testing::Not(HasSubstr("wrong"))));
  options.url = nats.url("anna:right"); // there is no stream yet, so far it comes
  EXPECT_THAT(why(options), HasSubstr("there is no stream"));
}

TEST_F(nats_refused, no_jetstream) {
  const server nats({}, false);
  EXPECT_THAT(why(options_for(nats)), HasSubstr("there is no JetStream"));
}

TEST_F(nats_refused, no_such_stream) {
  const server nats;
  EXPECT_THAT(why(options_for(nats)), HasSubstr("there is no stream \"orders\""));
}

TEST_F(nats_refused, a_subject_that_the_stream_does_not_have) {
  server nats;
  nats.create("orders", {"orders.>"});
  auto options = options_for(nats);
  options.subject = "payments.*";
  EXPECT_THAT(why(options), AllOf(HasSubstr("payments.*"), HasSubstr("filter subject")));
}

TEST_F(nats_refused, no_permission) {
  server nats("authorization { users: [ { user: root, password: x }, { user: anna, password: y, "
              "permissions: { publish: { deny: \"$JS.API.>\" } } } ] }",
              true, "root:x");
  nats.create("orders", {"orders.>"});
  auto options = options_for(nats);
  options.url = nats.url("anna:y");
  EXPECT_THAT(why(options), HasSubstr("Permissions Violation"));
}

TEST_F(nats_refused, no_stream_for_dead_letters) {
  server nats;
  nats.create("orders", {"orders.>"});
  auto options = options_for(nats);
  options.dead_letter_subject = "dead";
  EXPECT_THAT(why(options), HasSubstr("no stream at"));
  options.dead_letter_subject = "orders.dead";
  EXPECT_THAT(why(options), HasSubstr("read again and fail again"));
}

} // namespace
} // namespace convoy::nats::test
