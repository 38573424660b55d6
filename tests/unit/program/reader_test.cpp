#include "program/input_file.hpp"
#include "program/keys_in_order.hpp"

#include <gmock/gmock.h>
#include <vector>

namespace convoy::tool {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;

TEST(reader, sorts_by_time_and_keeps_the_order_of_equal_times) {
  const trace t = read_text("timestamp_us,key\n7,c\n5,a\n7,d\n5,b\n7,a\n");
  EXPECT_THAT(keys_in_order(t), ElementsAre("a", "b", "c", "d", "a"));
  EXPECT_EQ(t.events.front().at_ns, 0);
  EXPECT_EQ(t.events.back().at_ns, 2'000);
  EXPECT_EQ(t.moved, 2U); // the two at 5; nothing later stands before the others
  EXPECT_EQ(read_text("timestamp_us,key\n5,a\n5,b\n7,c\n").moved, 0U);
}

TEST(reader, merges_files_by_time_and_shares_their_keys) {
  const input_file first{"timestamp_us,key\n1,a\n5,b\n"};
  const input_file second{"key,timestamp_us\nb,3\na,5\n"};
  const trace t = read_trace({first.path(), second.path()}, {});
  EXPECT_THAT(keys_in_order(t), ElementsAre("a", "b", "b", "a"));
  EXPECT_EQ(t.keys.size(), 2U);
  EXPECT_EQ(t.source, first.path() + ", " + second.path());
}

TEST(reader, joins_files_without_times_in_the_order_given) {
  const input_file first{"key\nb\na\n"};
  const input_file second{gzip("key\nc\n")};
  EXPECT_THAT(keys_in_order(read_trace({second.path(), first.path()}, {})),
              ElementsAre("c", "b", "a"));
}

TEST(reader, refuses_files_of_which_only_some_have_times) {
  const input_file first{"timestamp_us,key\n1,a\n"};
  const input_file second{"key\nb\n"};
  EXPECT_THAT(error_of([&] {
                read_trace({first.path(), second.path()}, {});
              }),
              HasSubstr(second.path() + ":2: there is no time here"));
}

TEST(reader, refuses_an_empty_file_among_others) {
  const input_file full{"key\na\n"};
  const input_file empty{""};
  EXPECT_THAT(error_of([&] {
                read_trace({full.path(), empty.path()}, {});
              }),
              Eq(empty.path() + ": the file is empty"));
}

TEST(reader, names_a_file_it_cannot_open) {
  EXPECT_THAT(error_of([] { read_trace({"/nowhere/a.csv"}, {}); }),
              Eq("/nowhere/a.csv: cannot be opened: No such file or directory"));
  EXPECT_THAT(error_of([] { read_trace({"/tmp"}, {}); }), HasSubstr("/tmp: is a directory"));
  EXPECT_THAT(error_of([] { read_trace({std::string(300, 'x')}, {}); }),
              HasSubstr("x: cannot be opened: File name too long"));
  EXPECT_THAT(error_of([] { read_trace({}, {}); }), HasSubstr("no input file"));
}

TEST(reader, reads_many_lines_across_its_buffers) {
  std::string text = "timestamp_us,key\n";
  for (int i = 0; i < 50'000; ++i)
    text += std::to_string(i) + ",key" + std::to_string(i % 1000) + "\n";
  for (const std::string& content : {text, gzip(text)}) {
    const trace t = read_text(content);
    ASSERT_EQ(t.events.size(), 50'000U);
    for (std::size_t i = 0; i < t.events.size(); ++i) {
      ASSERT_EQ(t.events[i].at_ns, 1'000 * static_cast<std::int64_t>(i));
      ASSERT_EQ(t.keys[t.events[i].key], "key" + std::to_string(i % 1000));
    }
  }
}

} // namespace
} // namespace convoy::tool
