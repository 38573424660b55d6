#include "input/bad_lines.hpp"
#include "program/input_file.hpp"

#include <gmock/gmock.h>

namespace convoy::tool {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;

TEST(csv_reader, finds_columns_by_name_in_any_order) {
  const trace t = read_text("bytes,key,colour,service_us,timestamp_us\n"
                            "7,a,red,30,100\n"
                            "8,b,blue,40,105\n"
                            "9,a,red,50,105\n");
  EXPECT_THAT(t.keys, ElementsAre("a", "b"));
  ASSERT_EQ(t.events.size(), 3U);
  EXPECT_TRUE(t.has_times);
  EXPECT_TRUE(t.has_service);
  EXPECT_EQ(t.events[1].at_ns, 5'000);
  EXPECT_EQ(t.events[1].service_ns, 40'000);
  EXPECT_EQ(t.events[1].bytes, 8);
  EXPECT_EQ(t.events[1].key, 1U);
  EXPECT_EQ(t.events[2].key, 0U);
}

TEST(csv_reader, takes_absent_and_empty_columns_as_unknown) {
  for (const auto* text : {"key\na\n", "timestamp_us,key,service_us,bytes\n,a,,\n"}) {
    const trace t = read_text(text);
    ASSERT_EQ(t.events.size(), 1U);
    EXPECT_FALSE(t.has_times);
    EXPECT_FALSE(t.has_service);
  }
}

TEST(csv_reader, reads_the_columns_that_are_named) {
  const trace t = read_text("t,who,cost\n1,a,2\n",
                            {.key_column = "who", .time_column = "t", .service_column = "cost"});
  EXPECT_THAT(t.keys, ElementsAre("a"));
  EXPECT_TRUE(t.has_times);
  EXPECT_EQ(t.events[0].service_ns, 2'000);
}

TEST(csv_reader, leaves_a_column_alone_when_its_name_is_empty) {
  EXPECT_FALSE(read_text("timestamp_us,key\nyesterday,a\n", {.time_column = ""}).has_times);
}

TEST(csv_reader, reads_quotes_line_breaks_and_a_byte_order_mark) {
  const trace t = read_text("\xEF\xBB\xBF\"key\",note\r\n"
                            "\"a,\"\"b\"\"\",x\r\n"
                            "\r\n"
                            "\"two\r\nlines\",\"\"\r\n"
                            "c,");
  EXPECT_THAT(t.keys, ElementsAre("a,\"b\"", "two\r\nlines", "c"));
}

TEST(csv_reader, keeps_service_and_times_to_the_nanosecond) {
  const trace t = read_text("timestamp_us,key,service_us\n10,a,0.25\n11.5004999,a,1.0004999\n");
  EXPECT_EQ(t.events[0].service_ns, 250);
  EXPECT_EQ(t.events[1].service_ns, 1'000);
  EXPECT_EQ(t.events[1].at_ns, 1'500);
}

TEST(csv_reader, refuses_bad_input_with_line_and_reason) {
  struct {
    std::string text;
    std::string error;
  } const bad[] = {
      {"", " the file is empty"},
      {"key\n\n", " the file has no events, only a header or blank lines"},
      {"a,b\n1,2\n",
       R"(1: no column is called "key"; choose one with --key: the header line has "a,b")"},
      {"key,key\na,b\n", R"(1: two columns are called "key"; rename one)"},
      {"key,x\na,b\nc\n", "3: the line has 1 field where the header has 2"},
      {"key,x\na,b,\n", "2: the line has 3 fields where the header has 2"},
      {"key,x\n,b\n", "2: the key is empty; every event needs one"},
      {"key,timestamp_us\na,-5\n", R"(2: time "-5" is negative; it must be 0 or more)"},
      {"key,service_us\na,-0.5\n", R"(2: service time "-0.5" is negative; it must be 0 or more)"},
      {"key,bytes\na,-1\n", R"(2: size "-1" is negative; it must be 0 or more)"},
      {"key,timestamp_us\na,noon\n",
       R"(2: time "noon" is neither a number of microseconds, such as 12 or 0.5, nor a time such as 2020-10-10T13:55:36Z (ISO 8601))"},
      {"key,timestamp_us\na,1e3\n",
       R"(2: time "1e3" is neither a number of microseconds, such as 12 or 0.5, nor a time such as 2020-10-10T13:55:36Z (ISO 8601))"},
      {"key,timestamp_us\na,99999999999999999999\n",
       R"(2: time "99999999999999999999" is too large for microseconds; say its unit with --time-unit)"},
      {"key,timestamp_us\na,9223372036854776\n",
       R"(2: time "9223372036854776" is too large for microseconds; say its unit with --time-unit)"},
      {"key,service_us\na,9223372036854776\n",
       R"(2: service time "9223372036854776" is too large)"},
      {"key,timestamp_us\na,1\nb,\n", "3: there is no time here, unlike in the events "
                                      "before; give it for all of them or for none"},
      {"key,service_us\na,\nb,1\n",
       "3: there is a service time here, unlike in the events before; give it for all "
       "of them or for none"},
      {"key\n\"a\nb\n",
       "3: the quoted field that begins on line 2 is never closed; write the quote at its end"},
      {"key\n\"a\"b\n",
       "2: text follows the closing quote of a field; write a quote inside it twice"},
      {"key\na\"b\n", R"(2: a quote stands inside the unquoted field "a"b"; )"
                      "quote the field and write the quote twice"},
      {"{\"key\":1}\n", R"(1: a quote stands inside the unquoted field "{"key":1}"; )"
                        "if these are JSON lines, say --format jsonl"},
      {std::string("key\na\0b\n", 8),
       "2: the line holds a NUL byte; convert the file to UTF-8 text"},
      {"key\na\n" + std::string((1 << 20) + 1, 'x'),
       "3: the line is longer than 1 MiB; is this a text file?"}};
  for (const auto& [text, error] : bad)
    EXPECT_EQ(read_error(text), error);
}

TEST(csv_reader, bounds_a_record_of_many_lines_like_a_line) {
  std::string text = "key\n\"";
  for (int i = 0; i < 3; ++i)
    text += std::string(500'000, 'x') + "\n";
  EXPECT_THAT(read_error(text + "\"\n"),
              HasSubstr("4: the quoted field that begins on line 2 makes a record of more than 1 "
                        "MiB; is its closing quote missing?"));
  std::string fields = "key,x,y\n\"a\n" + std::string(700'000, 'x') + "\",\"b\n";
  fields += std::string(700'000, 'x') + "\n\"\n";
  EXPECT_THAT(read_error(fields), HasSubstr("begins on line 3 makes a record of more than 1 MiB"));
}

TEST(csv_reader, wants_a_column_that_was_named) {
  EXPECT_THAT(
      read_error("key\na\n", {.time_column = "when"}),
      Eq(R"(1: no column is called "when"; choose one with --time-column: the header line has "key")"));
}

TEST(csv_reader, reports_on_one_line_whatever_the_text) {
  EXPECT_THAT(read_error("\"a\nb\x1b[31m\",c\n1,2\n"), HasSubstr("\"a?b?[31m,c\""));
}

TEST(csv_reader, reads_times_in_the_unit_of_their_column_or_in_the_one_that_is_given) {
  const auto gap = [](const std::string& column, std::optional<std::int64_t> unit_ns) {
    const trace t = read_text("key," + column + "\na,1\nb,3.5\n",
                              {.time_column = column, .time_unit_ns = unit_ns});
    return t.events[1].at_ns;
  };
  for (const auto* column :
       {"t_ms", "t.ms", "t (ms)", "t[MS]", "tMs", "took-millis", "t_milliseconds"})
    EXPECT_EQ(gap(column, {}), 2'500'000) << column;
  for (const auto* column : {"t_us", "t_µs", "t", "items", "class", "us"})
    EXPECT_EQ(gap(column, {}), 2'500) << column;
  EXPECT_EQ(gap("t_s", {}), 2'500'000'000);
  EXPECT_EQ(gap("t_ns", {}), 3); // 2.5, and half a nanosecond rounds
  EXPECT_EQ(gap("t_ms", 1'000'000'000), 2'500'000'000);
}

TEST(csv_reader, reads_times_of_iso_8601) {
  const auto gap = [](const std::string& from, const std::string& to) {
    const trace t =
        read_text("key,t\na,\"" + from + "\"\nb,\"" + to + "\"\n", {.time_column = "t"});
    return t.events[1].at_ns;
  };
  constexpr std::int64_t second = 1'000'000'000;
  EXPECT_EQ(gap("2020-10-10T13:55:36Z", "2020-10-10T13:55:36.000000001Z"), 1);
  EXPECT_EQ(gap("2020-10-10T13:55:36.5Z", "2020-10-10T13:55:37,5Z"), second);
  EXPECT_EQ(gap("2020-10-10T13:55:36+02:00", "2020-10-10T11:55:37Z"), second);
  EXPECT_EQ(gap("2020-10-10T13:55:36-0230", "2020-10-10 16:25:37"), second);
  EXPECT_EQ(gap("2020-10-10T13:55+02", "2020-10-10t11:55:01z"), second);
  EXPECT_EQ(gap("2020-02-29", "2020-03-01"), 24 * 3600 * second);
  EXPECT_EQ(gap("1970-01-01T00:00:00Z", "2262-04-11T23:47:15.999999999Z"),
            9'223'372'035'999'999'999);
  for (const auto* bad :
       {"2020-10-10T", "2020-10-10T13", "2020-10-10T13:55:36.", "2020-10-10T13:55:36.5.",
        "2020-10-10Z", "2020-10-10T13:55:36+2", "2020-10-10T13:55:36+02:", "2020-10-10T13:60Z",
        "2020-13-01", "2020-02-30", "2020-10-10T13:55:61Z", "2020-10-10T13:55:36 Z",
        "2020-10-10X13:55", "2020-10-10+02:00", "1969-12-31T23:59:59Z", "1970-01-01T00:00+00:01",
        "2262-04-11T23:47:17Z", "9999-12-31"})
    EXPECT_NE(read_error("key,t\na," + std::string(bad) + "\n", {.time_column = "t"}), "") << bad;
}

TEST(csv_reader, takes_no_other_column_for_a_part_that_is_missing) {
  const auto error = [](const std::string& header) { return read_error(header + "\na,1\n"); };
  EXPECT_THAT(error("key,Timestamp"),
              Eq(R"(1: "Timestamp" is not read, as it is none of the standard names: read it with )"
                 R"(--time-column "Timestamp", or do without by --time-column "")"));
  for (const auto* name : {"service_sec", "service_time", "serviceMs", "SERVICE_US"})
    EXPECT_THAT(error("key," + std::string(name)),
                HasSubstr("--service-column \"" + std::string(name)));
  EXPECT_THAT(error("key,Access"), HasSubstr("--access-column \"Access\""));
  EXPECT_THAT(error("key,Keys"), HasSubstr("--keys-column \"Keys\", or do without by"));
  EXPECT_EQ(read_error("key,Access,Keys\na,1,2\n", {.access_column = "", .keys_column = ""}), "");
  EXPECT_EQ(read_error("acc,Keys\na,1\n", {.key_column = "acc"}), "");
  for (const auto* name :
       {"service", "service_name", "timeout", "overtime", "size", "bytes_in", "accessed", "keyset"})
    EXPECT_EQ(error("key," + std::string(name)), "") << name;
}

TEST(csv_reader, goes_on_behind_the_first_line_of_a_record_that_is_no_good) {
  const std::string text = "key,x\n\"a,1\nb,2\n" + std::string("c,\0\n", 4) + "d,4\n";
  const trace t = read_text(text, {.skip_bad = bad_lines::all});
  EXPECT_THAT(t.keys, ElementsAre("b", "d"));
  EXPECT_EQ(t.not_read.bad_lines, 2U);
}

TEST(csv_reader, refuses_sizes_that_add_up_to_too_much) {
  EXPECT_THAT(read_error("key,bytes\na,9223372036854775807\na,1\n"),
              Eq("3: the sizes add up to more than 2^63 bytes"));
}

} // namespace
} // namespace convoy::tool
