#include "input/clf.hpp"
#include "program/input_file.hpp"

#include <gmock/gmock.h>

namespace convoy::tool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(clf_reader, reads_the_common_format) {
  const clf_line line = parse_clf("127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "
                                  "\"GET /apache_pb.gif?size=1 HTTP/1.0\" 200 2326");
  EXPECT_EQ(line.host, "127.0.0.1");
  EXPECT_EQ(line.path, "/apache_pb.gif");
  EXPECT_EQ(line.at_ns, 971'211'336'000'000'000);
  EXPECT_EQ(line.bytes, 2326);
}

TEST(clf_reader, reads_the_combined_format_and_takes_no_size_as_0) {
  const clf_line line = parse_clf("h - - [01/Jan/1970:02:00:01 +0200] \"POST /a HTTP/1.1\" 304 - "
                                  "\"http://x/ \" 200 5\" \"agent\"");
  EXPECT_EQ(line.path, "/a");
  EXPECT_EQ(line.at_ns, 1'000'000'000);
  EXPECT_EQ(line.bytes, 0);
}

TEST(clf_reader, finds_the_time_behind_a_user_with_spaces_and_brackets) {
  for (const auto* user : {"joe [ops]", "[x] [y", "joe [10/Oct/2020]", "a] \\\"b\\\" [c"}) {
    const auto text = "h - " + std::string(user) +
                      " [01/Jan/1970:00:00:01 +0000] \"GET /a [02/Jan/1970:00:00:01 +0000] "
                      "HTTP/1.1\" 200 5"; // the line's path lies in it
    const clf_line line = parse_clf(text);
    EXPECT_EQ(line.at_ns, 1'000'000'000) << user;
    EXPECT_EQ(line.path, "/a [02/Jan/1970:00:00:01 +0000]") << user;
  }
}

TEST(clf_reader, finds_the_path_of_odd_requests) {
  const auto path = [](const std::string& request) {
    return std::string(
        parse_clf("h - - [01/Aug/1995:00:00:01 -0400] \"" + request + "\" 200 1").path);
  };
  EXPECT_EQ(path("GET /a \"quoted\" name HTTP/1.0"), "/a \"quoted\" name");
  EXPECT_EQ(path(R"(GET /\"a\" HTTP/1.0)"), R"(/\"a\")");
  EXPECT_EQ(path("GET /old"), "/old");
  EXPECT_EQ(path("-"), "-");
  EXPECT_EQ(path(""), "-");
  EXPECT_EQ(path("\\x16\\x03"), "\\x16\\x03");
  EXPECT_EQ(path("GET ?q HTTP/1.0"), "GET ?q HTTP/1.0");
}

TEST(clf_reader, keys_by_path_or_by_host) {
  const auto* const text = "h1 - - [01/Aug/1995:00:00:01 -0400] \"GET /a HTTP/1.0\" 200 1\n"
                           "h2 - - [01/Aug/1995:00:00:03 -0400] \"GET /a HTTP/1.0\" 200 1\n";
  const trace by_path = read_text(text, {.format = input_format::clf});
  EXPECT_THAT(by_path.keys, ElementsAre("/a"));
  EXPECT_EQ(by_path.events[1].at_ns, 2'000'000'000);
  EXPECT_FALSE(by_path.has_service);
  const trace by_host = read_text(text, {.format = input_format::clf, .key_column = "host"});
  EXPECT_THAT(by_host.keys, ElementsAre("h1", "h2"));
  EXPECT_THAT(read_error(text, {.format = input_format::clf, .key_column = "user"}),
              HasSubstr("the key of an access log is path or host, not \"user\""));
  EXPECT_THAT(read_error(text, {.format = input_format::clf, .time_column = "t"}),
              HasSubstr("has no named columns besides its key"));
}

TEST(clf_reader, refuses_malformed_lines_with_the_reason) {
  const auto error = [](const std::string& line) {
    return read_error("h - - [01/Aug/1995:00:00:01 -0400] \"GET /a HTTP/1.0\" 200 1\n" + line,
                      {.format = input_format::clf});
  };
  EXPECT_THAT(error("hello"), HasSubstr("2: the line is not of the form: host"));
  EXPECT_THAT(error(" - - [01/Aug/1995:00:00:01 -0400] \"GET /a HTTP/1.0\" 200 1"),
              HasSubstr("2: the line is not of the form: host"));
  EXPECT_THAT(error("h - - [01/Aug/1995:00:00:01 -0400] \"GET /a HTTP/1.0\""),
              HasSubstr("2: no \"request\" with a status"));
  EXPECT_THAT(error("h - - [01/Aug/1995:00:00:01 -0400] \"GET /a HTTP/1.0\" 200 -5"),
              HasSubstr("2: size \"-5\" is negative"));
  EXPECT_THAT(error("h - - [01/Aug/1995:00:00:01 -0400] \"GET /a HTTP/1.0\" 200 1.5"),
              HasSubstr("2: size \"1.5\" is not a whole number"));
  EXPECT_THAT(error("h - - [01/Aug/2300:00:00:01 -0400] \"GET /a HTTP/1.0\" 200 5"),
              HasSubstr("2: time \"01/Aug/2300:00:00:01 -0400\" is after 2262"));
  EXPECT_THAT(error("h - - [01/Aug/1969:00:00:01 -0400] \"GET /a HTTP/1.0\" 200 5"),
              HasSubstr("2: time \"01/Aug/1969:00:00:01 -0400\" is before 1970"));
  for (const auto* time :
       {"31/Feb/1995:00:00:01 -0400", "01/Aux/1995:00:00:01 -0400", "01/Aug/1995:24:00:01 -0400",
        "01/Aug/1995:00:60:01 -0400", "01/Aug/1995:00:00:61 -0400", "01/Aug/1995:00:00:01 -2400",
        "01/Aug/1995:00:00:01 0400", "1995-08-01T00:00:01Z", ""})
    EXPECT_THAT(error("h - - [" + std::string(time) + "] \"GET /a HTTP/1.0\" 200 5"),
                HasSubstr("is not of the form 01/Aug/1995:00:00:01 -0400"))
        << time;
}

} // namespace
} // namespace convoy::tool
