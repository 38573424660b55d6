#include "program/input_file.hpp"

#include <gmock/gmock.h>

namespace convoy::tool {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;

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
  EXPECT_EQ(t.events[1].at_ns, 2'000);
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
                Eq("1: the object has no field \"user.id.nr\"; choose one with --key"));
}

TEST(jsonl_reader, keeps_the_text_of_a_number_that_is_a_key) {
  const std::vector<std::string> numbers = {"7",
                                            "7.0",
                                            "7e0",
                                            "70E-1",
                                            "-0",
                                            "0",
                                            "-1.50",
                                            "9223372036854775808",
                                            "-9223372036854775809",
                                            "18446744073709551616",
                                            "123456789012345678901234567890",
                                            "1e308",
                                            "1e-400"};
  std::string text;
  for (const std::string& number : numbers)
    text += "{\"key\":" + number + "}\n";
  EXPECT_EQ(read_text(text, {.format = jsonl}).keys, numbers);
}

TEST(jsonl_reader, refuses_a_key_that_is_a_number_here_and_a_string_there) {
  EXPECT_THAT(read_error("{\"key\":7}\n{\"key\":\"8\"}\n{\"key\":\"7\"}\n", {.format = jsonl}),
              Eq("3: the key \"7\" is a string here and was a number before; make it the same in "
                 "all lines"));
}

TEST(jsonl_reader, reads_numbers_to_the_last_digit) {
  const auto service = [](const std::string& number) {
    const trace t = read_text("{\"key\":1,\"service_us\":" + number + "}", {.format = jsonl});
    return t.events[0].service_ns;
  };
  EXPECT_EQ(service("9007199254740.993"), 9'007'199'254'740'993);
  EXPECT_EQ(service("9.007199254740993e12"), 9'007'199'254'740'993);
  EXPECT_EQ(service("1234e-3"), 1'234);
  EXPECT_EQ(service("1234e-2"), 12'340);
  EXPECT_EQ(service("12.5e1"), 125'000);
  EXPECT_EQ(service("0.125E+2"), 12'500);
  EXPECT_EQ(service("0.0e5"), 0);
  EXPECT_EQ(service("5e-399"), 0);
}

TEST(jsonl_reader, reads_times_in_the_unit_of_their_name) {
  const auto gap = [](const std::string& name, const std::string& from, const std::string& to) {
    const trace t = read_text("{\"key\":1,\"" + name + "\":" + from + "}\n{\"key\":1,\"" + name +
                                  "\":" + to + "}",
                              {.format = jsonl});
    return t.events[1].at_ns;
  };
  EXPECT_EQ(gap("timestamp_ns", "1602338136000000001", "1602338136000000003"), 2);
  EXPECT_EQ(gap("timestamp_ms", "1602338136000.5", "1602338136002"), 1'500'000);
  EXPECT_EQ(gap("timestamp_s", "1602338136.123456789", "1602338137"), 876'543'211);
  EXPECT_EQ(gap("timestamp_us", "\"2020-10-10T13:55:36Z\"", "\"2020-10-10T13:55:36.5Z\""),
            500'000'000);
}

TEST(jsonl_reader, takes_null_as_absent) {
  EXPECT_FALSE(read_text("{\"key\":1,\"timestamp_us\":null}", {.format = jsonl}).has_times);
}

TEST(jsonl_reader, refuses_malformed_lines_with_the_reason) {
  const auto error = [](const std::string& line) {
    return read_error("{\"key\":1}\n" + line, {.format = jsonl});
  };
  EXPECT_THAT(error("{\"key\":1"), Eq("2: the line is not a JSON object; its character 9 is not "
                                      "what must come there"));
  EXPECT_THAT(error("[1]"),
              Eq("2: the line is not a JSON object; write one on each line, as jq -c does"));
  EXPECT_THAT(error(std::string(100'000, '[')), HasSubstr("2: the line is not a JSON object"));
  EXPECT_THAT(error("{\"key\":\"\xe9\"}"), HasSubstr("2: the line is not UTF-8, by its byte 9"));
  EXPECT_THAT(error("{\"key\":1e999}"), Eq("2: the number \"1e999\" is too large"));
  EXPECT_THAT(error("{\"key\":1,\"key\":1}"),
              Eq("2: the object has the field \"key\" twice; keep one"));
  EXPECT_THAT(error("{\"key\":1,\"bytes\":2.5}"), Eq("2: size \"2.5\" is not a whole number"));
  EXPECT_THAT(error("{}"), Eq("2: the object has no field \"key\"; choose one with --key"));
  EXPECT_THAT(error("{\"key\":null}"),
              Eq("2: the object has no field \"key\"; choose one with --key"));
  EXPECT_THAT(error("{\"key\":\"\"}"), Eq("2: the key is empty; every event needs one"));
  EXPECT_THAT(error("{\"key\":[1]}"), Eq("2: the key is neither a string nor a number"));
  EXPECT_THAT(error("{\"key\":1,\"bytes\":true}"), Eq("2: the size is not a number"));
  EXPECT_THAT(error("{\"key\":1,\"timestamp_us\":-1}"),
              Eq("2: time \"-1\" is negative; it must be 0 or more"));
  EXPECT_THAT(error("{\"key\":1,\"service_us\":-0.5}"),
              Eq("2: service time \"-0.5\" is negative; it must be 0 or more"));
  EXPECT_THAT(error("{\"key\":1,\"timestamp_us\":-0.4}"),
              Eq("2: time \"-0.4\" is negative; it must be 0 or more"));
  EXPECT_THAT(error("{\"key\":1,\"bytes\":1e30}"),
              Eq("2: size \"1000000000000000000000000000000\" is too large"));
  EXPECT_THAT(error("{\"key\":1,\"timestamp_us\":5}").substr(0, 24),
              Eq("2: there is a time here,"));
  EXPECT_THAT(read_error("{\"key\":1}", {.format = jsonl, .service_column = "cost"}),
              Eq("1: the object has no field \"cost\"; choose one with --service-column"));
}

} // namespace
} // namespace convoy::tool
