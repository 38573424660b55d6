#include "broker/read.hpp"
#include "broker/url.hpp"
#include "text/input_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>

namespace convoy::tool {
namespace {

std::string why_refused(std::string_view url) {
  try {
    static_cast<void>(parse_broker_url(url));
  } catch (const input_error& error) {
    return error.what();
  }
  return "it was not refused";
}

TEST(broker_url, is_told_from_the_name_of_a_file) {
  EXPECT_TRUE(is_broker_url("kafka://h/t"));
  EXPECT_TRUE(is_broker_url("nats://"));
  EXPECT_FALSE(is_broker_url("kafka.csv"));
  EXPECT_FALSE(is_broker_url("./kafka://h/t"));
  EXPECT_FALSE(is_broker_url(""));
}

TEST(broker_url, names_servers_and_a_topic) {
  const broker_url url = parse_broker_url("kafka://a:1,b,[::1]:0019092/orders.eu-1_x");
  EXPECT_EQ(url.kind, broker_kind::kafka);
  ASSERT_EQ(url.servers.size(), 3U);
  EXPECT_EQ(address_text(url.servers[0]), "a:1");
  EXPECT_EQ(address_text(url.servers[1]), "b:9092");
  EXPECT_EQ(url.servers[2].host, "::1");
  EXPECT_EQ(url.name, "orders.eu-1_x");
  EXPECT_EQ(url.shown(), "kafka://a:1,b:9092,[::1]:19092/orders.eu-1_x");
}

TEST(broker_url, keeps_user_and_password_to_itself) {
  const broker_url url = parse_broker_url("nats://me:s%40cret/@:%25@h/S");
  EXPECT_EQ(url.kind, broker_kind::nats);
  EXPECT_EQ(url.user, "me");
  EXPECT_EQ(url.password, "s@cret/@:%");
  EXPECT_EQ(url.shown(), "nats://h:4222/S");
  EXPECT_EQ(parse_broker_url("nats://token@h/S").user, "token");
  EXPECT_EQ(parse_broker_url("nats://token@h/S").password, "");
}

TEST(broker_url, says_what_is_wrong_and_shows_no_password) {
  const std::pair<const char*, const char*> wrong[] = {
      {"kafka://", "has no host"},
      {"kafka:///t", "has no host"},
      {"kafka://a,,b/t", "has no host"},
      {"kafka://h", "names no topic"},
      {"nats://h:1/", "names no stream"},
      {"kafka://h:/t", "after the host comes \":\""},
      {"kafka://h:x/t", "after the host comes \":x\""},
      {"kafka://h:0/t", "after the host comes \":0\""},
      {"kafka://h:65536/t", "after the host comes \":65536\""},
      {"kafka://[::1/t", "has no ]"},
      {"kafka://[::1]9/t", "after the host comes \"9\""},
      {"kafka://h/a/b", "\"a/b\" is no name of a topic"},
      {"nats://h/a b", "\"a b\" is no name of a stream"},
      {"kafka://me:secret@h/t", "sasl.username"},
      {"nats://:secret@h/S", "no user before it"},
      {"nats://me:secret%4@h/S", "%25"},
      {"nats://me:secret%zz@h/S", "%25"},
      {"nats://me:secret@h:x/S", "after the host comes"},
  };
  for (const auto& each : wrong) {
    const std::string why = why_refused(each.first);
    EXPECT_THAT(why, ::testing::HasSubstr(each.second)) << each.first;
    EXPECT_THAT(why, ::testing::Not(::testing::HasSubstr("secret"))) << each.first;
  }
}

} // namespace
} // namespace convoy::tool
