#include "load/generator.hpp"
#include "program/input_file.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <numeric>
#include <vector>

namespace convoy::tool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// How often k1, k2, … were drawn, and "hot" in the last place.
std::vector<double> counts_by_rank(const trace& t, std::uint32_t keys) {
  std::vector<double> counts(keys + std::size_t{1});
  for (const event& e : t.events) {
    const std::string& name = t.keys[e.key];
    counts[name == "hot" ? keys : std::stoul(name.substr(1)) - 1] += 1;
  }
  return counts;
}

TEST(generator, draws_by_the_zipf_law_for_any_theta) {
  constexpr std::uint32_t keys = 100;
  constexpr std::uint32_t messages = 400'000;
  for (const double theta : {0.0, 0.5, 0.99, 1.0, 1.2, 2.0}) {
    const auto counts =
        counts_by_rank(generate({.zipf = {keys, theta, messages}, .seed = 7}), keys);
    double sum = 0;
    for (std::uint32_t k = 1; k <= keys; ++k)
      sum += std::pow(k, -theta);
    double chi_square = 0;
    for (std::uint32_t k = 1; k <= keys; ++k) {
      const double expected = messages * std::pow(k, -theta) / sum;
      chi_square += std::pow(counts[k - 1] - expected, 2) / expected;
    }
    EXPECT_LT(chi_square, 160) << theta; // 99 degrees of freedom: 1 in 10,000 exceeds 160
  }
}

TEST(generator, gives_the_hot_key_its_share_and_the_rest_by_the_law) {
  const auto counts =
      counts_by_rank(generate({.zipf = {10, 1.0, 200'000}, .hot_share = 0.3, .seed = 3}), 10);
  EXPECT_NEAR(counts[10] / 200'000, 0.3, 0.005);
  EXPECT_NEAR(counts[0] / counts[1], 2, 0.05);
}

TEST(generator, gives_the_same_trace_for_the_same_seed_and_another_for_another) {
  const auto ranks = [](std::uint64_t seed) {
    std::vector<std::string> names;
    const trace t = generate({.zipf = {1000, 0.99, 8}, .seed = seed});
    for (const event& e : t.events)
      names.push_back(t.keys[e.key]);
    return names;
  };
  EXPECT_THAT(ranks(1), ElementsAre("k1", "k548", "k44", "k64", "k74", "k1", "k12", "k6"));
  EXPECT_NE(ranks(1), ranks(2));
}

TEST(generator, names_only_keys_that_occur) {
  const trace t = generate({.zipf = {1'000'000, 0, 10}});
  EXPECT_LE(t.keys.size(), 10U);
  for (const event& e : t.events)
    EXPECT_LT(e.key, t.keys.size());
  EXPECT_FALSE(t.has_times);
  EXPECT_FALSE(t.has_service);
}

TEST(generator, lets_messages_arrive_at_random_at_their_rate) {
  const trace t = generate({.zipf = {10, 0, 200'000}, .rate = 50'000, .seed = 3});
  ASSERT_TRUE(t.has_times);
  EXPECT_EQ(t.events.front().at_ns, 0);
  EXPECT_NEAR(static_cast<double>(t.events.back().at_ns), 4e9, 4e7);
  // Gaps of more than twice the mean of 20 us: e^-2 of them, if arrivals know nothing of each other.
  int long_gaps = 0;
  for (std::size_t i = 1; i < t.events.size(); ++i) {
    ASSERT_LE(t.events[i - 1].at_ns, t.events[i].at_ns);
    long_gaps += t.events[i].at_ns - t.events[i - 1].at_ns > 40'000 ? 1 : 0;
  }
  EXPECT_NEAR(long_gaps / 2e5, 0.1353, 0.005);
}

TEST(generator, draws_the_same_keys_at_any_rate) {
  const trace without = generate({.zipf = {100, 1, 1000}});
  const trace with = generate({.zipf = {100, 1, 1000}, .rate = 10});
  EXPECT_EQ(with.keys, without.keys);
  EXPECT_NE(with.source, without.source);
}

TEST(generator, refuses_a_rate_that_takes_centuries) {
  EXPECT_THAT(error_of([] {
                generate({.zipf = {1, 0, 10}, .rate = 1e-300});
              }),
              HasSubstr("longer than a century"));
}

TEST(generator, keeps_gaps_of_nanoseconds) {
  const trace t = generate({.zipf = {.keys = 1, .messages = 10'000}, .rate = parse_rate("1e8")});
  EXPECT_NEAR(static_cast<double>(t.events.back().at_ns), 1e5, 5e3);
  for (const auto* text : {"1000000001", "1e300", "0", "-1", "nan", ""})
    EXPECT_NE(error_of([&] { parse_rate(text); }), "") << text;
}

TEST(generator, copes_with_one_key_and_with_a_law_so_steep_that_others_vanish) {
  EXPECT_THAT(generate({.zipf = {1, 0.99, 5}}).keys, ElementsAre("k1"));
  EXPECT_THAT(generate({.zipf = {1000, 1e308, 1000}}).keys, ElementsAre("k1"));
}

TEST(generator, parses_its_options) {
  const zipf_law law = parse_zipf("1000:0.99:50");
  EXPECT_EQ(law.keys, 1000U);
  EXPECT_DOUBLE_EQ(law.theta, 0.99);
  EXPECT_EQ(law.messages, 50U);
  EXPECT_DOUBLE_EQ(parse_hot_share("0.25"), 0.25);
}

TEST(generator, refuses_other_options_and_says_what_it_expects) {
  for (const auto* text : {"", "10", "10:1", "10:1:1:1", "0:1:1", "1:1:0", "-1:1:1", "1:-1:1",
                           "1:x:1", "1:nan:1", "1:inf:1", "1.5:1:1", "4294967295:1:1", "1:1:"})
    EXPECT_THAT(error_of([&] { parse_zipf(text); }),
                testing::AllOf(HasSubstr("zipf \"" + std::string(text) + "\": "),
                               HasSubstr("expected KEYS:THETA:MESSAGES, as in")))
        << text;
  for (const auto* text : {"", "0", "1", "-0.5", "x", "nan"})
    EXPECT_THAT(error_of([&] { parse_hot_share(text); }),
                HasSubstr("hot share \"" + std::string(text) + "\""))
        << text;
}

} // namespace
} // namespace convoy::tool
