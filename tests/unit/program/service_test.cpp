#include "load/faults.hpp"
#include "load/generator.hpp"
#include "load/service.hpp"
#include "program/input_file.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <numeric>

namespace convoy::tool {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

trace of_size(std::uint32_t messages) {
  return generate({.zipf = {1, 0, messages}});
}

double mean(const std::vector<std::int64_t>& times) {
  return std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
}

TEST(service, comes_from_the_trace_and_is_scaled) {
  const trace t = read_text("key,service_us\na,1.5\na,2\n");
  EXPECT_THAT(service_ns(t, parse_service("trace"), 1), ElementsAre(1'500, 2'000));
  EXPECT_THAT(service_ns(t, parse_service("trace:0.01"), 1), ElementsAre(15, 20));
}

TEST(service, is_refused_from_a_trace_that_has_none) {
  EXPECT_THAT(error_of([] { service_ns(of_size(1), parse_service("trace"), 1); }),
              HasSubstr("the trace has no service times"));
}

TEST(service, may_be_fixed_and_zero) {
  EXPECT_THAT(service_ns(of_size(3), parse_service("fixed:10us"), 1),
              ElementsAre(10'000, 10'000, 10'000));
  EXPECT_THAT(service_ns(of_size(3), parse_service("fixed:0"), 1), Each(0));
}

TEST(service, may_be_exponential) {
  const auto times = service_ns(of_size(200'000), parse_service("exp:10us"), 1);
  EXPECT_NEAR(mean(times), 10'000, 100);
  const auto above = std::count_if(times.begin(), times.end(), [](auto ns) { return ns > 20'000; });
  EXPECT_NEAR(static_cast<double>(above) / 200'000, 0.1353, 0.004); // e^-2
}

TEST(service, may_have_two_sizes) {
  const auto times = service_ns(of_size(100'000), parse_service("bimodal:1us,1ms,0.1"), 1);
  const auto slow = std::count(times.begin(), times.end(), 1'000'000);
  EXPECT_EQ(slow + std::count(times.begin(), times.end(), 1'000), 100'000);
  EXPECT_NEAR(static_cast<double>(slow) / 100'000, 0.1, 0.005);
}

TEST(service, is_the_same_for_the_same_seed_and_another_for_another) {
  const auto times = [](std::uint64_t seed) {
    return service_ns(of_size(4), parse_service("exp:1ms"), seed);
  };
  EXPECT_THAT(times(1), ElementsAre(992'605, 3'986'984, 249'574, 144'459));
  EXPECT_NE(times(1), times(2));
}

TEST(service, does_not_depend_on_the_key_drawn_from_the_same_seed) {
  const trace t = generate({.zipf = {2, 0, 100'000}, .seed = 5});
  const auto times = service_ns(t, parse_service("exp:10us"), 5);
  double work[2] = {};
  double count[2] = {};
  for (std::size_t i = 0; i < times.size(); ++i) {
    work[t.events[i].key] += static_cast<double>(times[i]);
    count[t.events[i].key] += 1;
  }
  EXPECT_NEAR(work[0] / count[0], work[1] / count[1], 300);
}

TEST(service, is_refused_when_it_adds_up_to_centuries) {
  const trace t = of_size(3);
  for (const auto* text : {"fixed:3000000000s", "exp:3000000000s"})
    EXPECT_THAT(error_of([&] { service_ns(t, parse_service(text), 1); }),
                HasSubstr("add up to more than a century"))
        << text;
  const trace costly = read_text("key,service_us\na,9000000000000000\n");
  EXPECT_THAT(error_of([&] { service_ns(costly, parse_service("trace:1e9"), 1); }),
              HasSubstr("add up to more than a century"));
}

TEST(service, never_wraps_at_the_end_of_its_range) {
  for (const auto* stated :
       {"9223372036854775.807", "4611686018427387.904", "3155760000000000.001"}) {
    const trace t = read_text("key,service_us\na," + std::string(stated) + "\n");
    for (const auto* law : {"trace", "trace:1", "trace:1.0000000001"})
      EXPECT_THAT(error_of([&] { service_ns(t, parse_service(law), 1); }),
                  HasSubstr("add up to more than a century"))
          << stated << ' ' << law;
  }
  const trace longest = read_text("key,service_us\na,3155760000000000\n");
  EXPECT_EQ(service_ns(longest, parse_service("trace"), 1)[0], century_ns);
}

TEST(service, refuses_other_laws_and_says_what_it_expects) {
  for (const auto* text :
       {"", "trace:", "trace:x", "trace:-1", "fixed", "fixed:", "fixed:10", "fixed:10h", "exp:1",
        "exp:-1us", "uniform:1us", "bimodal:1us,2us", "bimodal:1us,2us,1.5", "bimodal:1us,2us,x",
        "bimodal:1us,2us,0.5,1", "fixed:99999999999s"})
    EXPECT_THAT(error_of([&] { parse_service(text); }),
                AllOf(HasSubstr("service \"" + std::string(text) + "\": "),
                      HasSubstr("expected trace[:SCALE], fixed:DURATION")))
        << text;
  EXPECT_THAT(error_of([] { parse_service("fixed:10"); }), HasSubstr("a unit (ns, us, ms or s)"));
}

TEST(faults, poison_is_the_same_for_the_same_seed_and_a_larger_share_adds_to_it) {
  constexpr std::size_t messages = 10'000;
  const auto few = draw_poison(messages, 0.01, 7);
  const auto many = draw_poison(messages, 0.1, 7);
  EXPECT_EQ(few, draw_poison(messages, 0.01, 7));
  EXPECT_NE(few, draw_poison(messages, 0.01, 8));
  EXPECT_NEAR(static_cast<double>(std::ranges::count(few, true)), 100, 40);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(many, true)), 1'000, 120);
  for (std::size_t i = 0; i < messages; ++i)
    EXPECT_LE(few[i], many[i]);
  EXPECT_EQ(std::ranges::count(draw_poison(messages, 0, 7), true), 0);
  EXPECT_EQ(std::ranges::count(draw_poison(messages, 1, 7), true), 10'000);
}

TEST(faults, poison_depends_on_the_index_and_not_on_how_many_there_are) {
  auto many = draw_poison(1'000, 0.3, 1);
  many.resize(10);
  EXPECT_EQ(draw_poison(10, 0.3, 1), many);
  // Written down: another compiler or library draws the same.
  EXPECT_THAT(many, ElementsAre(true, false, false, false, true, false, true, true, false, false));
}

/// Keys a, b, c and one without a message; two messages each of a and b, one of c.
workload make_load() {
  workload load;
  load.keys = {"a", "b", "c", "none"};
  for (const std::uint32_t key : {0U, 1U, 0U, 1U, 2U})
    load.messages.push_back({.arrival_ns = 5, .service_ns = 10, .key = key});
  return load;
}

TEST(faults, a_stuck_key_takes_its_duration_at_each_message_and_no_other_does) {
  const workload load = with_stuck_keys(make_load(), {{"b", 700}, {"c", 0}});
  std::vector<std::int64_t> service;
  for (const message& m : load.messages) {
    service.push_back(m.service_ns);
    EXPECT_EQ(m.arrival_ns, 5);
  }
  EXPECT_THAT(service, ElementsAre(10, 700, 10, 700, 0));
}

TEST(faults, an_unknown_stuck_key_is_refused_and_so_are_two_for_one_key_and_centuries) {
  EXPECT_THAT(error_of([] {
                (void)with_stuck_keys(make_load(), {{"B", 1}});
              }),
              AllOf(HasSubstr("no message has the key \"B\""), HasSubstr("as it is in the input")));
  EXPECT_THAT(error_of([] {
                (void)with_stuck_keys(make_load(), {{"b", 1}, {"b", 2}});
              }),
              HasSubstr("\"b\" is given twice"));
  EXPECT_THAT(error_of([] {
                (void)with_stuck_keys(make_load(), {{"b", INT64_MAX / 2}});
              }),
              HasSubstr("more than a century"));
}

TEST(faults, a_key_is_healthy_if_it_has_messages_of_which_none_is_poison_and_is_not_stuck) {
  const std::vector<bool> none(5, false);
  EXPECT_THAT(healthy_keys(make_load(), none, {}), ElementsAre(true, true, true, false));
  EXPECT_THAT(healthy_keys(make_load(), {false, false, true, false, false}, {{"c", 1}}),
              ElementsAre(false, true, false, false));
}

} // namespace
} // namespace convoy::tool
