#include "load/fault_policy.hpp"
#include "load/faults.hpp"
#include "program/input_file.hpp"
#include "text/parse.hpp"

#include <chrono>
#include <gmock/gmock.h>
#include <utility>

namespace convoy::tool {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::StartsWith;

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
  EXPECT_THAT(error_of([] { parse_duration("-1us"); }),
              Eq(R"(duration "-1us" is negative; it must be 0 or more)"));
  for (const auto* text : {"", "us", "1.us", ".5us", "1.2.3us", "1 us", "1h", "1us ", "1e3us"})
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

TEST(parse, keeps_durations_exactly_or_refuses_them) {
  EXPECT_EQ(parse_duration("1.000ns"), 1);
  EXPECT_EQ(parse_duration("0.000001ms"), 1);
  EXPECT_EQ(parse_duration("3155760000s"), century_ns);
  for (const auto* text : {"1.5ns", "0.4ns", "0.0001us", "1.0000000001s"})
    EXPECT_THAT(error_of([&] { parse_duration(text); }),
                HasSubstr("is not a whole number of nanoseconds"))
        << text;
  EXPECT_THAT(error_of([] { parse_duration("3155760001s"); }), HasSubstr("longer than a century"));
}

TEST(parse, takes_no_part_of_a_size_for_a_whole) {
  EXPECT_EQ(parse_size("size", "12.00"), 12);
  EXPECT_EQ(parse_size("size", "9223372036854775807"), INT64_MAX);
  EXPECT_THAT(error_of([] { parse_size("size", "12.5"); }),
              Eq(R"(size "12.5" is not a whole number)"));
  EXPECT_THAT(error_of([] { parse_size("size", "9223372036854775808"); }), HasSubstr("too large"));
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

TEST(faults, reads_a_share_or_a_percentage) {
  EXPECT_DOUBLE_EQ(parse_fail_share("0.01"), 0.01);
  EXPECT_DOUBLE_EQ(parse_fail_share("1%"), 0.01);
  EXPECT_DOUBLE_EQ(parse_fail_share("0"), 0);
  EXPECT_DOUBLE_EQ(parse_fail_share("1"), 1);
  EXPECT_DOUBLE_EQ(parse_fail_share("100%"), 1);
  for (const auto* text : {"", "%", "x", "1.01", "101%", "-0.1", "1%%", "nan", "inf"})
    EXPECT_THAT(
        error_of([&] { (void)parse_fail_share(text); }),
        AllOf(StartsWith("--fail \"" + std::string(text) + "\" is not a share"), HasSubstr("0.01")))
        << text;
}

TEST(faults, splits_a_stuck_key_at_the_last_colon) {
  EXPECT_EQ(parse_stuck_key("AAPL:100ms").key, "AAPL");
  EXPECT_EQ(parse_stuck_key("AAPL:100ms").ns, 100'000'000);
  EXPECT_EQ(parse_stuck_key("http://x:80/:2s").key, "http://x:80/");
  for (const auto& [text, reason] :
       {std::pair{"AAPL", "there is no colon"}, std::pair{":1ms", "the key is empty"},
        std::pair{"AAPL:", "duration \"\""}, std::pair{"AAPL:100", "duration \"100\""},
        std::pair{"", "there is no colon"}, std::pair{"AAPL:-1ms", "duration \"-1ms\""}})
    EXPECT_THAT(error_of([text = text] { (void)parse_stuck_key(text); }),
                AllOf(HasSubstr("--stick \"" + std::string(text) + "\": " + reason),
                      HasSubstr("expected KEY:DURATION, as in AAPL:100ms")))
        << text;
}

TEST(faults, reads_any_parts_of_a_policy_in_any_order) {
  using std::chrono::milliseconds;
  const auto policy = parse_policy(
      "then=park,max_block=2s,jitter=off,ceiling=100ms,factor=1.5,backoff=1ms,attempts=3");
  EXPECT_EQ(policy.attempts, 3U);
  EXPECT_EQ(policy.backoff, milliseconds{1});
  EXPECT_DOUBLE_EQ(policy.factor, 1.5);
  EXPECT_EQ(policy.ceiling, milliseconds{100});
  EXPECT_FALSE(policy.jitter);
  EXPECT_EQ(policy.max_block, milliseconds{2000});
  EXPECT_EQ(policy.then, convoy::exhausted::park);

  const auto other = parse_policy("then=fail_rest");
  EXPECT_EQ(other.then, convoy::exhausted::fail_rest);
  EXPECT_EQ(other.attempts, convoy::failure_policy{}.attempts);
  EXPECT_EQ(other.max_block, convoy::failure_policy{}.max_block);
  EXPECT_TRUE(parse_policy("then=skip,jitter=on").jitter);
}

TEST(faults, writes_a_policy_as_it_reads_it) {
  EXPECT_EQ(policy_text({}), "attempts=5,backoff=10ms,factor=2,ceiling=10s,jitter=on,then=skip");
  for (const auto* text :
       {"attempts=1,backoff=0,factor=1,ceiling=1500us,jitter=off,max_block=7ns,then=fail_rest",
        "attempts=9,backoff=1us,factor=2.5,ceiling=1s,jitter=on,max_block=0,then=park"})
    EXPECT_EQ(policy_text(parse_policy(text)), text);
}

TEST(faults, names_the_bad_part_of_a_policy_and_lists_what_is_allowed) {
  for (const auto& [text, reason] :
       {std::pair{"", "the part \"\" has no ="}, std::pair{"attempts=3,", "the part \"\" has no ="},
        std::pair{"attempts", "the part \"attempts\" has no ="},
        std::pair{"attempts=0", "attempts \"0\" is too small; the least is 1"},
        std::pair{"attempts=4294967296", "attempts \"4294967296\" is too large"},
        std::pair{"attempts=many", "attempts \"many\""},
        std::pair{"tries=3", "there is no part \"tries\""},
        std::pair{"attempts=3,attempts=4", "attempts is given twice"},
        std::pair{"backoff=1", "backoff: duration \"1\""},
        std::pair{"backoff=20s", "backoff 20s is more than ceiling 10s"},
        std::pair{"ceiling=-1ms", "ceiling: duration \"-1ms\""},
        std::pair{"ceiling=1ms", "backoff 10ms is more than ceiling 1ms"},
        std::pair{"factor=x", "factor \"x\""}, std::pair{"factor=inf", "factor \"inf\""},
        std::pair{"factor=0.5", "factor 0.5 is less than 1"},
        std::pair{"jitter=yes", "jitter \"yes\" is neither on nor off"},
        std::pair{"max_block=long", "max_block: duration \"long\""},
        std::pair{"then=stop", "then \"stop\" is none of skip, park and fail_rest"},
        std::pair{"then=", "then \"\" is none of"}})
    EXPECT_THAT(error_of([text = text] { (void)parse_policy(text); }),
                AllOf(StartsWith("policy \"" + std::string(text) + "\": " + reason),
                      HasSubstr("; expected attempts=N,backoff=DURATION,factor=X,"),
                      HasSubstr("then=skip|park|fail_rest")))
        << text;
}

} // namespace
} // namespace convoy::tool
