// Text in the cells of a terminal.

#include "text/cells.hpp"

#include <gtest/gtest.h>
#include <string>

namespace convoy::tool {
namespace {

TEST(cells, count_wide_characters_twice) {
  EXPECT_EQ(cells_of("abc"), 3u);
  EXPECT_EQ(cells_of("aäµ…"), 4u);
  EXPECT_EQ(cells_of("漢字"), 4u);
}

TEST(cells, show_what_has_no_width_as_a_question_mark) {
  EXPECT_EQ(cell_text("a\x1b[2Jb"), "a?[2Jb");
  EXPECT_EQ(cell_text("\u202egnp.exe"), "?gnp.exe"); // would turn the line around
  EXPECT_EQ(cell_text("e\u0301\u200b\u00ad"), "e???");
  EXPECT_EQ(cell_text("\xff\xc3"), "??");
  EXPECT_EQ(cell_text("\xc2\x9b"
                      "2J"),
            "?2J");
  EXPECT_EQ(cell_text("漢字"), "漢字");
}

TEST(cells, cut_and_fill_to_a_width) {
  EXPECT_EQ(cut_text("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_text("abcdef", 5), "abcd…");
  EXPECT_EQ(cut_text("漢字漢字", 4), "漢…"); // a wide one does not fit into one cell
  EXPECT_EQ(cut_text("漢字", 4), "漢字");
  EXPECT_EQ(cut_text("漢字", 3), "漢…");
  EXPECT_EQ(cut_text("abc", 1), "…");
  EXPECT_EQ(cut_text("abc", 0), "");
  EXPECT_EQ(left_text("ab", 4), "ab  ");
  EXPECT_EQ(right_text("ab", 4), "  ab");
  EXPECT_EQ(left_text("漢字漢", 4), "漢… ");
  EXPECT_EQ(cut_front("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_front("abcdef", 5), "…cdef");
  EXPECT_EQ(cut_front("漢字漢字", 4), "…字");
  EXPECT_EQ(cut_front("漢字", 4), "漢字");
  EXPECT_EQ(cut_front("abc", 1), "…");
  EXPECT_EQ(cut_front("abc", 0), "");
}

} // namespace
} // namespace convoy::tool
