#include "program/input_file.hpp"

#include <gmock/gmock.h>

namespace convoy::tool {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;

TEST(gzip_input, is_recognised_by_its_first_bytes) {
  EXPECT_THAT(read_text(gzip("key\na\n")).keys, ElementsAre("a"));
}

TEST(gzip_input, may_have_several_members_and_lines_across_them) {
  EXPECT_THAT(read_text(gzip("key\nal") + gzip("") + gzip("pha\nb\n")).keys,
              ElementsAre("alpha", "b"));
}

TEST(gzip_input, is_refused_when_cut_short_anywhere) {
  const std::string whole = gzip("key\na\n") + gzip("b\n");
  const std::size_t first_member = gzip("key\na\n").size();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    if (size == first_member) // which is whole by itself
      continue;
    EXPECT_THAT(read_error(whole.substr(0, size)), HasSubstr("the gzip data is truncated")) << size;
  }
}

TEST(gzip_input, is_never_read_wrongly_when_a_bit_is_flipped) {
  const std::string text = "key\nalpha\nbeta\n";
  const std::string whole = gzip(text);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    if (!read_error(flipped).empty())
      continue; // but some bits of the header say nothing about the content
    EXPECT_THAT(read_text(flipped).keys, ElementsAre("alpha", "beta")) << bit;
  }
}

TEST(gzip_input, ends_where_something_else_follows_which_is_noted) {
  const trace t = read_text(gzip("key\na\n") + "junk\nmore");
  EXPECT_THAT(t.keys, ElementsAre("a"));
  EXPECT_THAT(t.not_read.notes,
              ElementsAre(HasSubstr(": what follows the gzip data, \"junk\", is no gzip")));
  EXPECT_THAT(read_error(gzip("key\na\n") + "\x1f\x8b junk"), HasSubstr("is corrupt"));
}

TEST(gzip_input, is_told_from_what_follows_wherever_a_buffer_ends) {
  const std::string member = gzip("key\na\n");
  const std::string next = gzip("b\n");
  for (const std::size_t cut : {65'534U, 65'535U, 65'536U}) { // where the second member begins
    const std::string padded = member + std::string(cut - member.size(), '\0');
    EXPECT_THAT(read_text(padded + next).keys, ElementsAre("a", "b")) << cut;
    EXPECT_THAT(read_error(padded + "\x1f"), HasSubstr("is truncated")) << cut;
    EXPECT_EQ(read_text(padded + "\x1fx").not_read.notes.size(), 1U) << cut;
  }
}

TEST(gzip_input, may_be_padded_with_zeros) {
  const std::string padding(200'000, '\0');
  EXPECT_THAT(read_text(gzip("key\na\n") + padding).keys, ElementsAre("a"));
  EXPECT_THAT(read_text(gzip("key\na\n") + padding + gzip("b\n")).keys, ElementsAre("a", "b"));
  EXPECT_EQ(read_text(gzip("key\na\n") + padding).not_read.notes.size(), 0U);
  EXPECT_EQ(read_text(gzip("key\na\n") + padding + "junk").not_read.notes.size(), 1U);
}

TEST(gzip_input, of_nothing_is_an_empty_file) {
  EXPECT_THAT(read_error(gzip("")), Eq(" the file is empty"));
}

} // namespace
} // namespace convoy::tool
