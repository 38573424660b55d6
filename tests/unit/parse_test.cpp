#include "input_file.hpp"
#include "parse.hpp"

#include <gmock/gmock.h>

namespace {

using namespace convoy::tool;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;

TEST(parse, reads_durations_with_their_unit) {
  EXPECT_EQ(parse_duration("250ns"), 250);
  EXPECT_EQ(parse_duration("10us"), 10'000);
  EXPECT_EQ(parse_duration("1.5ms"), 1'500'000);
  EXPECT_EQ(parse_duration("2s"), 2'000'000'000);
  EXPECT_EQ(parse_duration("0"), 0);
}

TEST(parse, refuses_other_durations) {
  EXPECT_THAT(error_of([] { parse_duration("10"); }),
              Eq(R"(duration "10" is not a number with a unit (ns, us, ms or s), as in 1.5ms)"));
  for (const auto* text :
       {"", "us", "-1us", "1.us", ".5us", "1.2.3us", "1 us", "1h", "1us ", "1e3us"})
    EXPECT_NE(error_of([&] { parse_duration(text); }), "") << text;
  EXPECT_THAT(error_of([] { parse_duration("9223372037s"); }), HasSubstr("is too large"));
}

TEST(parse, rounds_decimals_to_nearest) {
  EXPECT_EQ(parse_decimal("x", "1.4999", 1), 1);
  EXPECT_EQ(parse_decimal("x", "1.5", 1), 2);
  EXPECT_EQ(parse_decimal("x", "0.0004", 1000), 0);
  EXPECT_EQ(parse_decimal("x", "0.0005", 1000), 1);
  EXPECT_EQ(parse_decimal("x", "0.9996", 1000), 1000);
  EXPECT_EQ(parse_decimal("x", "12.345678", 1000), 12'346);
}

TEST(parse, refuses_decimals_that_do_not_fit) {
  EXPECT_EQ(parse_decimal("x", "9223372036854775807"), INT64_MAX);
  EXPECT_EQ(parse_decimal("x", "9223372036854775.807", 1000), INT64_MAX);
  for (const auto* text : {"9223372036854775.808", "9223372036854775.8075", "9223372036854776"})
    EXPECT_THAT(error_of([&] { parse_decimal("x", text, 1000); }), HasSubstr("is too large"))
        << text;
}

TEST(parse, reads_counts_and_reals) {
  EXPECT_EQ(parse_count("n", "4294967295"), 4294967295U);
  EXPECT_THAT(error_of([] { parse_count("n", "4294967296"); }), HasSubstr("is too large"));
  EXPECT_THAT(error_of([] { parse_count("n", "1.5"); }), HasSubstr("is not a whole number"));
  EXPECT_DOUBLE_EQ(parse_real("x", "0.99"), 0.99);
  for (const auto* text : {"", "-1", "nan", "inf", "1x", "1e999"})
    EXPECT_NE(error_of([&] { parse_real("x", text); }), "") << text;
}

TEST(parse, reads_whole_numbers_in_decimal_and_in_range) {
  EXPECT_EQ(parse_whole("n", "010", 1, 10), 10U);
  EXPECT_EQ(parse_whole("n", "18446744073709551615", 0, UINT64_MAX), UINT64_MAX);
  for (const auto* text : {"18446744073709551616", "11"})
    EXPECT_THAT(error_of([&] { parse_whole("n", text, 1, 10); }), HasSubstr("the most is 10"));
  EXPECT_THAT(error_of([] { parse_whole("n", "0", 1, 10); }), HasSubstr("the least is 1"));
  for (const auto* text : {"", "-1", "+1", "0x1", "1 ", "1.0"})
    EXPECT_NE(error_of([&] { parse_whole("n", text, 0, 10); }), "") << text;
}

TEST(parse, reads_numbers_that_are_more_than_0) {
  EXPECT_DOUBLE_EQ(parse_positive("x", "1e6"), 1e6);
  for (const auto* text : {"", "0", "0.0", "-1", "nan", "inf", "1x"})
    EXPECT_NE(error_of([&] { parse_positive("x", text); }), "") << text;
}

TEST(parse, splits_and_keeps_empty_parts) {
  EXPECT_THAT(split("a::b", ':'), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ':'), ElementsAre(""));
}

TEST(parse, quotes_on_one_line_and_not_at_length) {
  EXPECT_EQ(in_quotes("a\nb\xff"), "\"a?b?\"");
  EXPECT_EQ(in_quotes(std::string(61, 'x')), "\"" + std::string(60, 'x') + "…\"");
}

} // namespace
