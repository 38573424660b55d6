#include "input_file.hpp"

#include <gmock/gmock.h>

namespace {

using namespace convoy::tool;
using testing::ElementsAre;
using testing::Eq;

constexpr auto jsonl = input_format::jsonl;

TEST(jsonl_reader, reads_fields_by_name) {
  const trace t =
      read_text("{\"timestamp_us\":10,\"key\":\"a\",\"service_us\":1.25,\"bytes\":3}\n"
                "\n"
                "{\"key\":7,\"service_us\":\"2.5\",\"timestamp_us\":12,\"more\":[1]}\r\n",
                {.format = jsonl});
  EXPECT_THAT(t.keys, ElementsAre("a", "7"));
  EXPECT_EQ(t.events[0].service_ns, 1'250);
  EXPECT_EQ(t.events[0].bytes, 3);
  EXPECT_EQ(t.events[1].at_us, 2);
  EXPECT_EQ(t.events[1].service_ns, 2'500);
}

TEST(jsonl_reader, reads_the_fields_that_are_named) {
  const trace t =
      read_text("{\"user\":\"a\",\"t\":1,\"key\":\"b\"}",
                {.format = jsonl, .key_column = "user", .time_column = "t", .bytes_column = ""});
  EXPECT_THAT(t.keys, ElementsAre("a"));
  EXPECT_TRUE(t.has_times);
}

TEST(jsonl_reader, reads_fields_of_objects_in_the_object) {
  const auto keys = [](const std::string& line) {
    return read_text(line, {.format = jsonl, .key_column = "user.id.nr"}).keys;
  };
  EXPECT_THAT(keys(R"({"user":{"id":{"nr":7}}})"), ElementsAre("7"));
  EXPECT_THAT(keys(R"({"user":{"id.nr":"a"}})"), ElementsAre("a"));
  EXPECT_THAT(keys(R"({"user":{},"user.id":{"nr":"b"}})"), ElementsAre("b"));
  EXPECT_THAT(keys(R"({"user":{"id":{"nr":1}},"user.id.nr":"exact"})"), ElementsAre("exact"));
  for (const auto* line :
       {R"({"user":7})", R"({"user":{"id":{}}})", R"({"user":[{"id":{"nr":7}}]})"})
    EXPECT_THAT(read_error(line, {.format = jsonl, .key_column = "user.id.nr"}),
                Eq("1: the object has no field \"user.id.nr\""));
}

TEST(jsonl_reader, tells_a_number_from_a_string_no_more_than_a_person_would) {
  const trace t = read_text("{\"key\":7}\n{\"key\":\"7\"}\n{\"key\":-1.5}\n", {.format = jsonl});
  EXPECT_THAT(t.keys, ElementsAre("7", "-1.5"));
}

TEST(jsonl_reader, takes_null_as_absent) {
  EXPECT_FALSE(read_text("{\"key\":1,\"timestamp_us\":null}", {.format = jsonl}).has_times);
}

TEST(jsonl_reader, refuses_malformed_lines_with_the_reason) {
  const auto error = [](const std::string& line) {
    return read_error("{\"key\":1}\n" + line, {.format = jsonl});
  };
  EXPECT_THAT(error("{\"key\":1"), Eq("2: the line is not a JSON object"));
  EXPECT_THAT(error("[1]"), Eq("2: the line is not a JSON object"));
  EXPECT_THAT(error(std::string(100'000, '[')), Eq("2: the line is not a JSON object"));
  EXPECT_THAT(error("{}"), Eq("2: the object has no field \"key\""));
  EXPECT_THAT(error("{\"key\":null}"), Eq("2: the object has no field \"key\""));
  EXPECT_THAT(error("{\"key\":\"\"}"), Eq("2: the key is empty; every event needs one"));
  EXPECT_THAT(error("{\"key\":[1]}"), Eq("2: the key is neither a string nor a number"));
  EXPECT_THAT(error("{\"key\":1,\"bytes\":true}"), Eq("2: the size is not a number"));
  EXPECT_THAT(error("{\"key\":1,\"timestamp_us\":-1}"),
              Eq("2: time \"-1\" is negative; it must be 0 or more"));
  EXPECT_THAT(error("{\"key\":1,\"service_us\":-0.5}"),
              Eq("2: the service time is negative; it must be 0 or more"));
  EXPECT_THAT(error("{\"key\":1,\"timestamp_us\":-0.4}"),
              Eq("2: the time is negative; it must be 0 or more"));
  EXPECT_THAT(error("{\"key\":1,\"bytes\":1e30}"), Eq("2: the size is too large"));
  EXPECT_THAT(error("{\"key\":1,\"timestamp_us\":5}").substr(0, 24),
              Eq("2: there is a time here,"));
  EXPECT_THAT(read_error("{\"key\":1}", {.format = jsonl, .service_column = "cost"}),
              Eq("1: the object has no field \"cost\""));
}

} // namespace
