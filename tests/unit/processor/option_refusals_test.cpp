#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

// An option that makes no sense is refused by the name of the member, with what it must be and what it is.

namespace {

struct read_only {};

} // namespace

template <>
struct convoy::message_traits<read_only> {
  static convoy::access access(const read_only&) noexcept { return convoy::access::shared; }
};

namespace {

using namespace std::chrono_literals;
using readers = convoy::processor<int, read_only>;
using convoy::runtime;
using numbers = convoy::processor<int, int>;
using numbers_with_ids = convoy::processor<int, convoy::envelope<int, int>>;

struct no_default {
  explicit no_default(int) {}
};

struct refusal {
  std::function<void(runtime&)> make;
  const char* expected;
};

refusal of_numbers(const char* expected, numbers::options wanted) {
  return {[wanted](runtime& rt) { const numbers p{rt, [](int&) {}, wanted}; }, expected};
}
refusal with_ids(const char* expected, const convoy::duplicates& wanted) {
  return {[wanted](runtime& rt) {
            const numbers_with_ids p{rt, [](auto&) {}, {.duplicates = wanted}};
          },
          expected};
}

TEST(an_option_that_makes_no_sense, is_refused_by_its_name_and_its_value) {
  using store = convoy::dead_letter_store<int, int>;
  const std::vector<refusal> all{
      of_numbers("convoy::processor: capacity must be 1 to 2^31 messages, and is 0",
                 {.capacity = 0}),
      of_numbers("convoy::processor: capacity must be 1 to 2^31 messages, and is 2147483649",
                 {.capacity = (std::size_t{1} << 31) + 1}),
      of_numbers("convoy::processor: request_capacity must be at least 1, and is 0",
                 {.request_capacity = 0}),
      of_numbers("convoy::processor: partitions must be a power of two up to 1024, or 0 for "
                 "automatic, and is 3",
                 {.partitions = 3}),
      {[](runtime& rt) {
         const numbers p{rt, [](const int&, std::span<int>) {}, {.conflate = [](int&, int&) {}}};
       },
       "convoy::processor: conflate does not go with a handler of spans, as at most one message of "
       "a key waits: let it take Message&, or merge in its span and leave conflate out"},
      of_numbers(
          "convoy::processor: key_capacity must be 3 or more with conflate (one message runs, "
          "one waits, one comes), or 0 for no limit, and is 2",
          {.key_capacity = 2, .conflate = [](int&, int&) {}}),
      of_numbers("convoy::processor: most_shared is for messages that have an access(): specialise "
                 "convoy::message_traits, or leave most_shared out",
                 {.most_shared = 2}),
      of_numbers("convoy::processor: suspended is for handlers that are coroutines: let it return "
                 "convoy::task, or leave suspended out",
                 {.suspended = {.most = 2}}),
      of_numbers(
          "convoy::processor: joint does not go with conflate, as a place among the messages "
          "of a key can't be merged: leave one of them out",
          {.joint = [](convoy::joint<int>&, int&) {}, .conflate = [](int&, int&) {}}),
      {[](runtime& rt) {
         const numbers p{rt,
                         [](int&) -> convoy::task { co_return; },
                         {.joint = [](convoy::joint<int>&, int&) {}}};
       },
       "convoy::processor: joint does not go with a handler that is a coroutine: await in another "
       "processor, whose handler submits the joint message, or leave joint out"},
      {[](runtime& rt) {
         const readers p{rt, [](read_only&) {}, {.joint = [](convoy::joint<int>&, read_only&) {}}};
       },
       "convoy::processor: joint does not go with messages that have an access(), as a joint one "
       "has each of its keys alone: leave one of them out"},
      {[](runtime& rt) {
         const readers p{rt, [](read_only&) {}, {.conflate = [](read_only&, read_only&) {}}};
       },
       "convoy::processor: conflate does not go with messages that have an access(), as shared "
       "ones "
       "do not wait behind each other: leave one of them out"},
      of_numbers("convoy::processor: insight.top must be at least 1 where insight.window is set, "
                 "as 0 is no insight, and is 0",
                 {.insight = {.window = 100ms}}),
      of_numbers("convoy::processor: batch_limit must be at most 65535, and is 65536",
                 {.batch_limit = 65536}),
      of_numbers("convoy::processor: failure.attempts must be at least 1, and is 0",
                 {.failure = convoy::failure_policy{.attempts = 0}}),
      of_numbers("convoy::processor: exceptions[1].policy.attempts must be at least 1, and is 0",
                 {.exceptions = {convoy::on_exception<int>({}),
                                 convoy::on_exception<int>({.attempts = 0})}}),
      of_numbers("convoy::processor: exceptions[0].matches must be a function (use on_exception), "
                 "and is null",
                 {.exceptions = {{nullptr, {}}}}),
      of_numbers("convoy::processor: rate.per_second must be more than 0, and is -1.000000",
                 {.rate = {.per_second = -1}}),
      of_numbers("convoy::processor: rate.burst must be at least 1, and is 0.500000",
                 {.rate = {.burst = 0.5}}),
      of_numbers("convoy::processor: rate.burst must be at least 1, and is nan",
                 {.rate = {.burst = std::numeric_limits<double>::quiet_NaN()}}),
      of_numbers("convoy::processor: duplicates needs messages with ids: use convoy::envelope, "
                 "specialise convoy::message_traits, or leave duplicates out",
                 {.duplicates = convoy::duplicates{}}),
      of_numbers(
          "convoy::processor: linger waits for a batch, and the handler gets messages one by "
          "one: let it take std::span<Message>, or leave linger out",
          {.linger = 1ms}),
      of_numbers("convoy::processor: watchdog.threshold must be less than for ever (the default) "
                 "for watchdog.report to be called, and is for ever",
                 {.watchdog = {.report = [](auto&) {}}}),
      of_numbers("convoy::processor: watchdog.threshold must be more than 0, and is 0s",
                 {.watchdog = {.threshold = 0s}}),
      with_ids("convoy::processor: duplicates.window must be more than 0, and is -1s",
               {.window = -1s}),
      with_ids("convoy::processor: duplicates.most must be at least 1, and is 0", {.most = 0}),
      {[](runtime& rt) {
         const convoy::processor<int, int, no_default> p{rt, [](int&, no_default&) {}};
       },
       "convoy::processor: state.make must be set for a State without a default constructor, and "
       "is empty"},
      {[](runtime&) { const runtime other{{.concurrency = 5000}}; },
       "convoy::runtime: concurrency must be at most 4095, and is 5000"},
      {[](runtime&) { const store s{{.capacity = 0}}; },
       "convoy::dead_letter_store: capacity must be at least 1 letter, and is 0"},
      {[](runtime&) { const store s{{.when_full = convoy::store_full::overflow}}; },
       "convoy::dead_letter_store: overflow must be set to the sink that takes what does not fit, "
       "as when_full says overflow, and is empty"},
      {[](runtime&) { const store s{{.overflow = [](auto&) {}}}; },
       "convoy::dead_letter_store: overflow must be empty unless when_full is "
       "store_full::overflow, or it would never be called, and is set"},
      {[](runtime&) { const convoy::dead_letter_file<int, double> f("unused"); },
       "convoy::dead_letter_file: message_json must be set where it is neither an integer nor a "
       "string, which have a JSON form by themselves, and is empty"},
      {[](runtime&) { convoy::dead_letter_reader<double, int> r("unused"); },
       "convoy::read_dead_letters: dead_letter_parse::key must be set where it is neither an "
       "integer nor a std::string, which are parsed by themselves, and is empty"},
  };
  runtime rt{{.concurrency = 1}};
  for (const auto& each : all) {
    std::string said = "nothing";
    try {
      each.make(rt);
    } catch (const std::invalid_argument& e) {
      said = e.what();
    }
    EXPECT_EQ(said, each.expected);
  }
}

} // namespace
