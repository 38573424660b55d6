// How figures look in a report.

#include "text/format.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace convoy::tool {
namespace {

TEST(format, separates_thousands) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(1234567), "1,234,567");
}

TEST(format, writes_durations_with_three_digits_and_a_unit) {
  EXPECT_EQ(duration_text(0), "0.00 µs");
  EXPECT_EQ(duration_text(9.994), "9.99 µs");
  EXPECT_EQ(duration_text(9.996), "10.0 µs");
  EXPECT_EQ(duration_text(99.96), "100 µs");
  EXPECT_EQ(duration_text(999.4), "999 µs");
  EXPECT_EQ(duration_text(999.6), "1.00 ms");
  EXPECT_EQ(duration_text(12'345), "12.3 ms");
  EXPECT_EQ(duration_text(999'600), "1.00 s");
  EXPECT_EQ(duration_text(2'500'000'000), "2500 s");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::quiet_NaN()), "–");
}

TEST(format, writes_long_times_in_two_units) {
  EXPECT_EQ(long_time_text(9.6), "10 s");
  EXPECT_EQ(long_time_text(59.4), "59 s");
  EXPECT_EQ(long_time_text(59.6), "1 min 0 s");
  EXPECT_EQ(long_time_text(200), "3 min 20 s");
  EXPECT_EQ(long_time_text(3599.9), "1 h 0 min");
  EXPECT_EQ(long_time_text(3720), "1 h 2 min");
  EXPECT_EQ(long_time_text(3.6e6), "1,000 h 0 min");
}

TEST(format, cuts_names_between_code_points_and_hides_control_characters) {
  EXPECT_EQ(name_text("grün", 4), "grün");
  EXPECT_EQ(name_text("grüner", 4), "grün…");
  EXPECT_EQ(name_text("a\x1b[31m\n", 9), "a?[31m?");
}

TEST(format, lets_no_control_reach_a_terminal) {
  EXPECT_EQ(terminal_text("grün €𝄞 \x7f\n\x1b[2J"), "grün €𝄞 ???[2J");
  EXPECT_EQ(terminal_text("a\xc2\x9b\x31m"), "a?1m");        // CSI as a code point of C1
  EXPECT_EQ(terminal_text("a\x9b\x31m"), "a?1m");            // and as a bare byte
  EXPECT_EQ(terminal_text("\xc0\x9b\xe0\x80\x9b"), "?????"); // and in too many bytes
  EXPECT_EQ(terminal_text("\xe2\x82"), "??");                // cut short
  EXPECT_EQ(terminal_text("a\u202Eb\u2066c\u200Fd\u2013"), "a?b?c?d\u2013"); // turned around
}

TEST(format, aligns_columns_by_code_points) {
  EXPECT_EQ(align({{"key", "µs"}, {"ü", "100"}}), "  key   µs\n"
                                                  "  ü    100\n");
}

TEST(format, wraps_text_at_spaces) {
  EXPECT_EQ(wrap("a b", 4), "a b");
  const std::string word(58, 'x');
  EXPECT_EQ(wrap(word + ' ' + word + " y", 2),
            word + ' ' + word + "\n  y"); // 2 + 58 + 1 + 58 + 2 = 121
  EXPECT_EQ(wrap(word + ' ' + word + " y", 1), word + ' ' + word + " y");
}

} // namespace
} // namespace convoy::tool
