#include "broker/records.hpp"
#include "program/keys_in_order.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(record_collector, sorts_by_time_and_then_by_partition_whatever_came_first) {
  record_collector records{"kafka://h/t", 2, 0};
  records.add(1, {.key = "b", .at_ns = 10, .bytes = 1});
  records.add(1, {.key = "c", .at_ns = 20, .bytes = 2});
  records.add(0, {.key = "a", .at_ns = 10, .bytes = 3});
  records.add(1, {.key = "d", .at_ns = 20, .bytes = 4});
  records.add(0, {.key = "e", .at_ns = 15, .bytes = 5});
  const trace made = std::move(records).finish();
  EXPECT_THAT(keys_in_order(made), ElementsAre("a", "b", "e", "c", "d"));
  EXPECT_EQ(made.events[4].bytes, 4);
  EXPECT_EQ(made.events[4].at_ns, 10) << "after the first";
  EXPECT_EQ(made.begins_at_ns, 10);
  EXPECT_TRUE(made.has_times);
  EXPECT_EQ(made.moved, 0U) << "none stood behind a later one of its own partition";
}

TEST(record_collector, counts_what_its_own_partition_has_out_of_order) {
  record_collector records{"kafka://h/t", 2, 0};
  records.add(0, {.key = "a", .at_ns = 30, .bytes = 0});
  records.add(0, {.key = "b", .at_ns = 10, .bytes = 0});
  records.add(0, {.key = "c", .at_ns = 20, .bytes = 0});
  records.add(1, {.key = "d", .at_ns = 5, .bytes = 0});
  const trace made = std::move(records).finish();
  EXPECT_THAT(keys_in_order(made), ElementsAre("d", "b", "c", "a"));
  EXPECT_EQ(made.moved, 2U);
}

TEST(record_collector, keeps_keys_of_no_bytes_and_of_any_bytes) {
  using namespace std::string_view_literals;
  record_collector records{"kafka://h/t", 1, 0};
  records.add(0, {.key = "", .at_ns = {}, .bytes = 0});
  records.add(0, {.key = "\0\xff\n"sv, .at_ns = {}, .bytes = 0});
  const trace made = std::move(records).finish();
  EXPECT_THAT(made.keys, ElementsAre("", std::string("\0\xff\n", 3)));
  EXPECT_FALSE(made.has_times);
}

TEST(record_collector, refuses_times_on_some_records_alone) {
  record_collector records{"kafka://h/t", 1, 0};
  records.add(0, {.key = "a", .at_ns = 1, .bytes = 0});
  records.add(0, {.key = "b", .at_ns = {}, .bytes = 0});
  EXPECT_THROW(static_cast<void>(std::move(records).finish()), input_error);
}

TEST(record_collector, leaves_out_as_many_as_it_may_and_says_which) {
  record_collector records{"nats://h/S", 1, 2};
  records.add(0, {.key = "a", .at_ns = 1, .bytes = 0});
  records.leave_out("message 7", "it has no header");
  records.leave_out("message 8", "it has no header");
  try {
    records.leave_out("message 9", "it has no header");
    FAIL() << "two were allowed";
  } catch (const input_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("message 9: it has no header; --skip-bad allows 2"));
  }
  const trace made = std::move(records).finish();
  EXPECT_EQ(made.not_read.bad_lines, 2U);
  EXPECT_THAT(made.not_read.first_bad, ElementsAre("nats://h/S, message 7: it has no header",
                                                   "nats://h/S, message 8: it has no header"));
}

TEST(record_collector, refuses_to_leave_out_all) {
  record_collector records{"nats://h/S", 1, 2};
  records.leave_out("message 7", "it has no header");
  EXPECT_THROW(static_cast<void>(std::move(records).finish()), input_error);
}

} // namespace
} // namespace convoy::tool
