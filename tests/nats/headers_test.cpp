#include "headers.hpp"
#include "server.hpp"

#include <gmock/gmock.h>

namespace convoy::nats::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::SizeIs;

// Headers that libnats 3.4 can't read: those of a message where one is empty.

std::optional<std::string> parsed(std::string_view block) {
  std::vector<header> all;
  if (!detail::parse_headers(block, all))
    return all.empty() ? std::nullopt : std::optional<std::string>("something was added");
  std::string result;
  for (const auto& each : all)
    result += std::string(each.name) + '=' + std::string(each.value) + ';';
  return result;
}

TEST(nats_headers, of_a_block) {
  EXPECT_EQ(parsed("NATS/1.0\r\na: 1\r\nb:\r\na:2\r\nc: x: y \r\n\r\n"), "a=1;b=;a=2;c=x: y;");
  EXPECT_EQ(parsed("NATS/1.0\r\n\r\n"), "");
  EXPECT_EQ(parsed("NATS/1.0 503 No Responders\r\n\r\n"), "");
  for (const char* wrong :
       {"", "a: 1\r\n\r\n", "NATS/1.0", "NATS/1.0\r\n", "NATS/1.0\r\na: 1", "NATS/1.0\r\na: 1\r\n",
        "NATS/1.0\r\na: 1\r\nb\r\n\r\n", "NATS/1.0\r\n: 1\r\n\r\n"})
    EXPECT_EQ(parsed(wrong), std::nullopt) << wrong;
}

TEST(nats_headers, in_an_answer) {
  using detail::header_block_in;
  EXPECT_EQ(header_block_in(
                R"({"message":{"subject":"a","seq":1,"hdrs":"TkFUUy8xLjANCg==","data":"eA=="}})"),
            "NATS/1.0\r\n");
  EXPECT_EQ(header_block_in(R"({"message":{"hdrs":"TkFU"}})"), "NAT");
  EXPECT_EQ(header_block_in(R"({"message":{"hdrs":"+/8="}})"), "\xfb\xff");
  EXPECT_EQ(header_block_in(R"({"message":{"subject":"a","seq":1}})"), "");
  EXPECT_EQ(header_block_in(R"({"error":{"code":404,"description":"no message found"}})"),
            std::nullopt);
  EXPECT_EQ(header_block_in(R"({"message":{"hdrs":"TkF U"}})"), std::nullopt);
  EXPECT_EQ(header_block_in(""), std::nullopt);
}

class nats_empty_headers : public on_a_server {};

/// The order of a key is that of the stream, whatever other headers its records have: before it, so that
/// it is taken as their value, or behind it, so that nothing can be read.
void expect_order(const std::string& empty) {
  server nats;
  nats.create("orders", {"orders.>"});
  for (int i = 0; i < 20; ++i)
    nats.publish("orders.all", std::to_string(i),
                 {{"Account", std::to_string(i % 2)}, {empty, i % 3 == 0 ? "" : "x"}});
  seen handled, notes;
  auto options = options_for(nats);
  options.key = header_key("Account");
  options.null_key = null_key::unordered;
  runtime rt{{.concurrency = 2}};
  running<> c(
      rt,
      [&](const std::string& key, record& r) {
        handled.add(key, r.value());
        notes.add(std::string(r.header_value(empty).value_or("none")), r.value());
      },
      options);
  ASSERT_TRUE(eventually([&] { return handled.count() == 20; }));
  c.stop();
  EXPECT_THAT(
      handled.values(),
      ElementsAre(Pair("0", ElementsAre("0", "2", "4", "6", "8", "10", "12", "14", "16", "18")),
                  Pair("1", ElementsAre("1", "3", "5", "7", "9", "11", "13", "15", "17", "19"))));
  EXPECT_THAT(notes.values(), ElementsAre(Pair("", SizeIs(7)), Pair("x", SizeIs(13))));
}

TEST_F(nats_empty_headers, keep_the_key_and_its_order) {
  for (const char* empty : {"Note", "A", "B", "Z", "Account-Number"})
    expect_order(empty);
}

/// The line behind it is none of its own.
TEST_F(nats_empty_headers, that_are_the_key_are_empty) {
  server nats;
  nats.create("orders", {"orders.>"});
  for (const char* empty : {"Note", "A", "B", "Z"})
    nats.publish("orders.all", empty, {{"Account", ""}, {empty, "x"}});
  nats.publish("orders.all", "urn", {{"Account", "urn:7"}});
  nats.publish("orders.all", "again", {{"Account", "urn:7"}});
  seen handled;
  auto options = options_for(nats);
  options.key = header_key("Account");
  runtime rt{{.concurrency = 2}};
  running<> c(
      rt, [&](const std::string& key, record& r) { handled.add(key, r.value()); }, options);
  ASSERT_TRUE(eventually([&] { return handled.count() == 6; }));
  c.stop();
  EXPECT_THAT(handled.values(), ElementsAre(Pair("", ElementsAre("Note", "A", "B", "Z")),
                                            Pair("urn:7", ElementsAre("urn", "again"))));
}

/// JetStream may not be asked for them.
class nats_unknown_headers : public on_a_server {
protected:
  void read_by(key_rule key, const std::function<void(running<>&, seen&, reports&)>& check) {
    server nats("authorization { users: [ { user: root, password: x }, { user: anna, password: y, "
                "permissions: { publish: { deny: \"$JS.API.STREAM.MSG.GET.orders\" } } } ] }",
                true, "root:x");
    nats.create("orders", {"orders.>"});
    nats.publish("orders.anna", "0", {{"Account", "7"}});
    nats.publish("orders.anna", "1", {{"Account", ""}});
    nats.publish("orders.anna", "2", {{"Account", ""}});
    nats.publish("orders.anna", "3", {{"Account", "7"}});
    auto options = options_for(nats);
    options.url = nats.url("anna:y");
    options.key = std::move(key);
    seen handled;
    reports said;
    options.report = said.sink();
    runtime rt{{.concurrency = 2}};
    running<> c(
        rt, [&](const std::string& its, record& r) { handled.add(its, r.value()); }, options);
    check(c, handled, said);
  }
};

TEST_F(nats_unknown_headers, are_left_out_if_they_are_not_the_key) {
  read_by(token(2), [](running<>& c, seen& handled, reports& said) {
    EXPECT_TRUE(eventually([&] { return handled.count() == 4; }));
    EXPECT_EQ(c.stop().handled, 4);
    EXPECT_THAT(said.all(), ElementsAre(testing::AllOf(
                                HasSubstr("the headers of stream \"orders\", sequence 2"),
                                HasSubstr("its record has none"))));
  });
}

TEST_F(nats_unknown_headers, hold_up_what_comes_behind_if_the_key_is_one) {
  read_by(header_key("Account"), [](running<>& c, seen& handled, reports& said) {
    EXPECT_TRUE(eventually([&] { return !said.all().empty(); }));
    std::this_thread::sleep_for(4s); // it is tried again meanwhile
    EXPECT_EQ(handled.count(), 1);
    EXPECT_EQ(c.position().watermark, 2);
    EXPECT_THAT(said.all(), ElementsAre(testing::AllOf(
                                HasSubstr("the headers of stream \"orders\", sequence 2"),
                                HasSubstr("nothing behind it is read"))));
    EXPECT_EQ(c.stop().read, 1);
  });
}

} // namespace
} // namespace convoy::nats::test
