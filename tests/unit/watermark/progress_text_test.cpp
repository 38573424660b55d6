#include <algorithm>
#include <cctype>
#include <convoy/watermark.hpp>
#include <cstdint>
#include <cstdio>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>

namespace {

using convoy::position_range;
using convoy::progress;
using convoy::progress_from_text;
using convoy::to_text;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t any_size = 1 << 20;

/// Written by hand from the description of the format, so that old texts can be read for ever.
TEST(progress_text, is_what_the_format_says) {
  EXPECT_EQ(to_text({0, {}}, "t"), "convoy1:0:r:45bf5ebbb5bb9c30");
  EXPECT_EQ(to_text({17, {{18, 1'000'000}}}, "t/0"), "convoy1:17:rBuxwe:5c786a3fad1ae253");
  EXPECT_EQ(to_text({17, {{18, 19}, {20, 21}, {22, 23}, {24, 25}, {26, 27}, {28, 29}}}, "t/0"),
            "convoy1:17:bVV:67e425f3aa2b1c80");
}

progress random_progress(std::mt19937_64& random) {
  progress result{random() % 4 == 0 ? largest - random() % 300 : random() % 1'000, {}};
  const std::uint64_t longest[] = {3, 40, 2'000, std::uint64_t{1} << 40};
  const auto most = longest[random() % 4];
  auto at = result.lowest;
  for (auto count = random() % 60; count != 0; --count) {
    const auto unfinished = 1 + random() % most, finished = 1 + random() % most;
    if (largest - at < unfinished || largest - at - unfinished < finished)
      break;
    result.finished.push_back({at + unfinished, at + unfinished + finished});
    at += unfinished + finished;
  }
  return result;
}

bool is_part_of(const progress& part, const progress& whole) {
  auto its = whole.finished.begin();
  return part.lowest == whole.lowest &&
         std::all_of(part.finished.begin(), part.finished.end(), [&](const position_range& each) {
           while (its != whole.finished.end() && its->end < each.end)
             ++its;
           return its != whole.finished.end() && its->first <= each.first;
         });
}

bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char each) {
    return std::isgraph(each) != 0 && each != '"' && each != '\'' && each != '\\' && each < 127;
  });
}

TEST(progress_text, comes_back) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2'000; ++i) {
    const auto what = random_progress(random);
    const auto text = to_text(what, "orders/3", any_size);
    ASSERT_TRUE(is_plain(text)) << text;
    ASSERT_EQ(progress_from_text(text, "orders/3"), what) << text;
  }
}

TEST(progress_text, what_finds_no_room_is_not_said) {
  std::mt19937_64 random(2);
  int cut = 0, bits = 0;
  for (int i = 0; i < 5'000; ++i) {
    const auto what = random_progress(random);
    const auto most = random() % 150;
    const auto text = to_text(what, "s", most);
    ASSERT_LE(text.size(), most);
    if (text.empty()) {
      ASSERT_LT(most, 47u);
      continue;
    }
    const auto read = progress_from_text(text, "s");
    ASSERT_TRUE(read && is_part_of(*read, what)) << text;
    for (const auto size : {text.size(), most, any_size})
      ASSERT_EQ(to_text(*read, "s", size), text);
    cut += *read != what;
    bits += text.find(":b") != std::string::npos;
  }
  EXPECT_GT(cut, 500);
  EXPECT_GT(bits, 500);
}

TEST(progress_text, says_as_much_as_finds_room) {
  progress scattered{0, {}}; // too many for either form: the bits say more
  for (std::uint64_t i = 1; i < 100'000; i += 2)
    scattered.finished.push_back({i, i + 1});
  const auto text = to_text(scattered, "s");
  EXPECT_LE(text.size(), 4096u);
  EXPECT_GT(text.size(), 4090u);
  EXPECT_GT(progress_from_text(text, "s")->finished.size(), 12'000u);

  progress long_runs{0, {}};
  for (std::uint64_t i = 1; i < 2'000; ++i)
    long_runs.finished.push_back({i << 40, (i << 40) + (1 << 30)});
  const auto read = progress_from_text(to_text(long_runs, "s"), "s");
  EXPECT_GT(read->finished.size(), 250u);

  // A bit that is the last to find room can't make a run that does.
  const progress far{
      largest - 29,
      {{largest - 27, largest - 26}, {largest - 20, largest - 19}, {largest - 2, largest}}};
  for (std::size_t most = 47; most < 60; ++most)
    EXPECT_LE(to_text(far, "s", most).size(), most);
}

TEST(progress_text, one_parked_key_and_ten_million_after_it_are_short) {
  EXPECT_LT(to_text({123'456'789, {{123'456'790, 133'456'790}}}, "orders/3").size(), 50u);
}

TEST(progress_text, another_source_reads_nothing) {
  const progress what{17, {{18, 20}}};
  const auto text = to_text(what, "orders/3");
  for (const auto* other : {"", "orders/4", "orders/33", "orders/", ":orders/3"})
    EXPECT_EQ(progress_from_text(text, other), std::nullopt) << other;
  EXPECT_EQ(progress_from_text(to_text(what, ""), ""), what);
}

TEST(progress_text, no_byte_can_be_changed_dropped_or_added) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 30; ++i) {
    auto what = random_progress(random);
    what.finished.resize(std::min<std::size_t>(what.finished.size(), 20));
    const auto text = to_text(what, "s");
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        auto changed = text;
        changed[at] = static_cast<char>(byte);
        if (changed != text) {
          ASSERT_EQ(progress_from_text(changed, "s"), std::nullopt) << changed;
        }
      }
      ASSERT_EQ(progress_from_text(text.substr(0, at), "s"), std::nullopt) << at;
      ASSERT_EQ(progress_from_text(text.substr(at + 1), "s"), std::nullopt) << at;
      auto longer = text;
      longer.insert(at, 1, text[at]);
      ASSERT_EQ(progress_from_text(longer, "s"), std::nullopt) << longer;
    }
    for (const auto* more : {" ", "\n", "0", ":", "A"})
      ASSERT_EQ(progress_from_text(text + more, "s"), std::nullopt);
  }
}

std::string checksum(const std::string& bytes) {
  std::uint64_t crc = largest;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) * 0xC96C5795D7870F42);
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(~crc));
  return text;
}

/// With a right checksum, so that it is the parser that refuses.
std::optional<progress> parsed(const std::string& content) {
  return progress_from_text(content + checksum(content + "s"), "s");
}

TEST(progress_text, only_the_writers_form_is_read) {
  ASSERT_EQ(checksum("123456789"), "995dc9bbdf1939fa"); // CRC-64/XZ
  EXPECT_EQ(parsed("convoy1:17:rBU:"), (progress{17, {{18, 38}}}));
  EXPECT_EQ(parsed("convoy1:17:bB:"), (progress{17, {{18, 19}}}));
  EXPECT_EQ(parsed("convoy1:17:rBggggggggggggP:"),
            (progress{17, {{18, 18 + (std::uint64_t{15} << 60)}}}));
  EXPECT_EQ(parsed("convoy1:18446744073709551590:rBY:"),
            (progress{largest - 25, {{largest - 24, largest}}}));
  EXPECT_EQ(parsed("convoy1:18446744073709551590:rYB:"),
            (progress{largest - 25, {{largest - 1, largest}}}));
  EXPECT_EQ(parsed("convoy1:18446744073709551613:bB:"),
            (progress{largest - 2, {{largest - 1, largest}}}));
  for (const auto* content : {
           "convoy2:17:rBU:",
           "convoy1:17:rBU",
           "convoy1:17rBU:",
           "convoy1:17:BU:",
           "convoy1:17::",
           "convoy1:",
           "convoy1::",
           "convoy1::r:",
           "convoy1:17:xBU:",
           "convoy1:17:rBU::", // frame
           "convoy1:+17:rBU:",
           "convoy1:-1:rBU:",
           "convoy1:017:rBU:",
           "convoy1: 17:rBU:",
           "convoy1:0x17:rBU:",
           "convoy1:18446744073709551616:r:", // number
           "convoy1:17:rU:",
           "convoy1:17:rBUB:",
           "convoy1:17:rAU:",
           "convoy1:17:rBA:",
           "convoy1:17:rBUAA:",
           "convoy1:17:rhAU:",
           "convoy1:17:rB!:",
           "convoy1:17:rBU=:",
           "convoy1:17:rBh:",
           "convoy1:17:rBUB\n:", // runs
           "convoy1:17:rBggggggggggggQ:",
           "convoy1:17:rBgggggggggggggggB:",
           "convoy1:18446744073709551590:rBZ:",
           "convoy1:18446744073709551590:rZB:",
           "convoy1:18446744073709551615:rBU:", // runs that go too far
           "convoy1:17:rBB:",
           "convoy1:17:b____:", // the other form is shorter
           "convoy1:17:bVVA:",
           "convoy1:17:b:",
           "convoy1:17:bA:",
           "convoy1:17:bV=:", // bits
           "convoy1:18446744073709551613:bD:",
           "convoy1:18446744073709551615:bB:",
       })
    EXPECT_EQ(parsed(content), std::nullopt) << content;
}

TEST(progress_text, ranges_that_are_none_are_refused) {
  const position_range wrong[] = {{17, 18}, {16, 18}, {20, 20}, {21, 20}};
  for (const auto& each : wrong)
    EXPECT_THAT(
        [&] {
          (void)to_text({17, {each}}, "s");
        },
        ThrowsMessage<std::invalid_argument>(HasSubstr("not above 17")));
  EXPECT_THROW((void)to_text({17, {{20, 22}, {22, 23}}}, "s"), std::invalid_argument);
  EXPECT_THROW((void)to_text({17, {{20, 22}, {18, 19}}}, "s"), std::invalid_argument);
}

} // namespace
