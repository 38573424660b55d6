#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <ratio>

// Durations and times from any unit, to the ends of their range.

namespace {

using namespace std::chrono;
using namespace std::chrono_literals;
using convoy::moment;
using convoy::time_span;

using clock = steady_clock;
using real_seconds = duration<double>;

constexpr auto infinity = std::numeric_limits<double>::infinity();
constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
constexpr nanoseconds least = nanoseconds::min() + 1ns;

TEST(time_span, is_exact_where_it_fits) {
  EXPECT_EQ(time_span(5s), 5s);
  EXPECT_EQ(time_span(-5s), -5s);
  EXPECT_EQ(time_span(hours(24 * 365 * 292)), hours(24 * 365 * 292));
  EXPECT_EQ(time_span(duration<std::int64_t, std::pico>(1'999)), 1ns);
  EXPECT_EQ(time_span(duration<std::int64_t, std::pico>(-1'999)), -1ns);
  EXPECT_EQ(time_span(duration<std::uint8_t>(200)), 200s);
  EXPECT_EQ((time_span(duration<int, std::ratio<1, 3>>(7))), 2'333'333'333ns);
  EXPECT_EQ((time_span(duration<std::int64_t, std::ratio<1, 60>>(-61))), -1'016'666'666ns);
  EXPECT_EQ(time_span(real_seconds(0.25)), 250ms);
  EXPECT_EQ(time_span(duration<float, std::milli>(1.5F)), 1500us);
  EXPECT_EQ(time_span(nanoseconds::max()), nanoseconds::max());
  EXPECT_EQ(time_span(nanoseconds::max() - 1ns), nanoseconds::max() - 1ns);
}

TEST(time_span, is_the_end_where_it_does_not_fit) {
  EXPECT_EQ(time_span(seconds::max()), nanoseconds::max());
  EXPECT_EQ(time_span(hours::max()), nanoseconds::max());
  EXPECT_EQ(time_span(microseconds::max()), nanoseconds::max());
  EXPECT_EQ(time_span(hours(24 * 365 * 293)), nanoseconds::max());
  EXPECT_EQ(time_span(seconds(9'223'372'036)), seconds(9'223'372'036));
  EXPECT_EQ(time_span(seconds(9'223'372'037)), nanoseconds::max());
  EXPECT_EQ(time_span(duration<std::uint64_t>(~std::uint64_t{0})), nanoseconds::max());
  EXPECT_EQ((time_span(duration<std::uint64_t, std::nano>(~std::uint64_t{0}))), nanoseconds::max());
  EXPECT_EQ((time_span(duration<std::int64_t, std::ratio<7, 3>>::max())), nanoseconds::max());
  EXPECT_EQ(time_span(seconds::min()), least);
  EXPECT_EQ(time_span(hours::min()), least);
  EXPECT_EQ(time_span(nanoseconds::min()), least);
  EXPECT_EQ(time_span(real_seconds(infinity)), nanoseconds::max());
  EXPECT_EQ(time_span(real_seconds(-infinity)), least);
  EXPECT_EQ(time_span(real_seconds::max()), nanoseconds::max());
  EXPECT_EQ(time_span(real_seconds(1e300)), nanoseconds::max());
  EXPECT_LT(time_span(real_seconds(nan)), least);
}

TEST(moment, is_the_end_where_it_does_not_fit) {
  using coarse = time_point<clock, hours>;
  EXPECT_EQ(moment(clock::time_point::min()), clock::time_point::min());
  EXPECT_EQ(moment(clock::time_point::max()), clock::time_point::max());
  EXPECT_EQ(moment(coarse::max()), clock::time_point::max());
  EXPECT_LT(moment(coarse::min()), clock::time_point::min() + 1s);
  EXPECT_EQ(moment(coarse(hours(3))), clock::time_point(hours(3)));
}

} // namespace
