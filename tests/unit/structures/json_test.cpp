#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/detail/sinks/json.hpp>
#include <ctime>
#include <gmock/gmock.h>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using convoy::detail::bytes_of_json;
using convoy::detail::json_cursor;
using convoy::detail::json_of_bytes;
using convoy::detail::json_string;
using convoy::detail::json_time;
using convoy::detail::wall_clock;
using std::chrono::steady_clock;

/// What is wrong with it; nothing if it is one JSON value.
std::string fault_of(std::string_view text) {
  try {
    json_cursor cursor(text);
    (void)cursor.value();
    cursor.expect_end();
    return "";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(json, replaces_what_is_no_utf8_in_texts) {
  const std::string bad = "\xEF\xBF\xBD";
  for (const std::string good : {"é", "€", "😀", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF", "\x7F"})
    EXPECT_EQ(json_string(good), "\"" + good + "\"");
  for (const std::string wrong : {"\x80", "\xC1", "\xE2", "\xF5", "\xFF"})
    EXPECT_EQ(json_string(wrong + "x"), "\"" + bad + "x\"");
  for (const std::string two_wrong : {"\xC0\x80", "\xE2\x82", "\xC3\xC3"})
    EXPECT_EQ(json_string(two_wrong), "\"" + bad + bad + "\"");
  for (const std::string three_wrong : {"\xE0\x80\x80", "\xED\xA0\x80"})
    EXPECT_EQ(json_string(three_wrong), "\"" + bad + bad + bad + "\"");
  for (const std::string four_wrong : {"\xF0\x80\x80\x80", "\xF4\x90\x80\x80"})
    EXPECT_EQ(json_string(four_wrong), "\"" + bad + bad + bad + bad + "\"");
}

TEST(json, gives_bytes_back_as_they_were) {
  std::string all;
  for (int c = 0; c < 256; ++c)
    all += static_cast<char>(c);
  for (const std::string& bytes :
       {std::string(), all, all.substr(0, 128), std::string(3, '\0'), std::string("€\n😀"),
        std::string("\xED\xA0\x80"), std::string(R"({"hex":"00"})"), std::string("\\u0041")}) {
    const auto json = json_of_bytes(bytes);
    EXPECT_EQ(fault_of(json), "");
    EXPECT_EQ(bytes_of_json(json), bytes);
  }
  EXPECT_EQ(json_of_bytes("a\xFF"), R"({"hex":"61ff"})");
}

TEST(json, decodes_what_others_escape) {
  EXPECT_EQ(bytes_of_json(R"("\"\\\/\b\f\n\r\tA\u0041\u00e9\u20AC\ud83d\ude00")"),
            "\"\\/\b\f\n\r\tAAé€😀");
  for (const std::string wrong :
       {R"("\ud83d")", R"("\ude00")", R"("\ud83dA")", R"("\ud83d\u0041")", R"("\u00g0")", R"("\x")",
        R"("\u004)", R"("a)", R"("a"b)", "\"\xFF\"", "\"\n\"", R"({"hex":"0"})", R"({"hex":"0G"})",
        R"({"hex":"00"} )", R"({"hex":"00})", R"({"hex":")", "5", ""})
    EXPECT_THROW((void)bytes_of_json(wrong), std::invalid_argument) << wrong;
}

TEST(json, knows_what_a_value_is) {
  for (const std::string good :
       {"0", "-0", "-10.50e+7", "1E5", "1e-5", "true", "false", "null", R"("")", "{}", "[]", "[ ]",
        "{ }", " [1 , [ ] ,{ \"a\" : { } , \"\\ud800\":\t[{}]} ]\r\n", "[[1],[2],3]"})
    EXPECT_EQ(fault_of(good), "") << good;
  for (const std::string bad :
       {"",      " ",        "01",         "-",     "1.",        ".5",  "1e",     "+1",   "nul",
        "True",  "NaN",      "'a'",        "[1,]",  "[,1]",      "[1",  "1]",     "[1}",  "{\"a\"}",
        "{a:1}", "{\"a\":}", "{\"a\":1,}", "{1:1}", "{\"a\" 1}", "1 2", "\"\t\"", "[1 2]"})
    EXPECT_NE(fault_of(bad), "") << bad;
  EXPECT_EQ(fault_of("[1,x]"), "not a JSON value, at byte 4");
}

TEST(json, looks_at_deep_values_without_a_deep_stack) {
  constexpr std::size_t depth = 1'000'000;
  EXPECT_EQ(fault_of(std::string(depth, '[') + std::string(depth, ']')), "");
  EXPECT_NE(fault_of(std::string(depth, '[')), "");
}

TEST(json, tells_the_time_in_utc) {
  const auto now = std::chrono::system_clock::now();
  const auto ago = std::chrono::hours(24 * 365);
  const auto text = json_time(wall_clock().at(steady_clock::now() - ago));
  std::tm fields{};
  ASSERT_NE(strptime(text.c_str(), "\"%Y-%m-%dT%H:%M:%S", &fields), nullptr) << text;
  const auto told = std::chrono::system_clock::from_time_t(timegm(&fields));
  EXPECT_LE(told, now - ago + std::chrono::minutes(5));
  EXPECT_GE(told, now - ago - std::chrono::minutes(5));
}

TEST(json, gives_times_back_as_they_were) {
  const wall_clock clock;
  for (const auto when : {steady_clock::time_point{}, steady_clock::now(),
                          steady_clock::time_point::min(), steady_clock::time_point::max()}) {
    const auto time = clock.at(when);
    const auto text = json_time(time);
    EXPECT_EQ(json_cursor(text).time(), time) << text;
  }
  using std::chrono::microseconds;
  EXPECT_EQ(json_time(convoy::detail::wall_time(microseconds(951'782'399'000'250))),
            R"("2000-02-28T23:59:59.000250Z")");
  EXPECT_EQ(json_time(convoy::detail::wall_time(microseconds(-1))),
            R"("1969-12-31T23:59:59.999999Z")");
  for (const std::string wrong :
       {R"("2001-02-29T00:00:00.000000Z")", R"("2001-13-01T00:00:00.000000Z")",
        R"("2001-01-01T24:00:00.000000Z")", R"("2001-01-01T00:60:00.000000Z")",
        R"("2001-01-01T00:00:60.000000Z")", R"("2001-01-01T00:00:00.00000Z")",
        R"("2001-01-01 00:00:00.000000Z")", R"("2001-01-01T00:00:00.000000")", "null", ""})
    EXPECT_THROW((void)json_cursor(wrong).time(), std::invalid_argument) << wrong;
}

TEST(json, converts_times_of_one_clock_alike) {
  const wall_clock clock;
  const auto now = steady_clock::now();
  EXPECT_EQ(clock.at(now + std::chrono::seconds(5)) - clock.at(now), std::chrono::seconds(5));
}

} // namespace
