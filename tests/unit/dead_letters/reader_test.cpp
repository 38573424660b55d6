#include "dead_letters/file_directory.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_reader.hpp>
#include <cstdint>
#include <exception>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using convoy::bad_dead_letter;
using convoy::dead_letter_file;
using convoy::death;
using convoy::read_dead_letters;
using convoy::test::file_directory;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using two_texts = std::pair<std::string, std::string>;

template <class Key, class Message>
void write(const std::string& path, std::vector<std::pair<Key, Message>> letters,
           typename dead_letter_file<Key, Message>::options how = {}) {
  dead_letter_file<Key, Message> file(path, std::move(how));
  for (auto& [key, message] : letters)
    file({.key = key, .message = message, .sequence = 0});
}

template <class Key, class Message>
std::vector<std::pair<Key, Message>> read(const std::string& path,
                                          convoy::dead_letter_parse<Key, Message> parse = {}) {
  std::vector<std::pair<Key, Message>> letters;
  for (auto& letter : read_dead_letters<Key, Message>(path, std::move(parse)))
    letters.emplace_back(std::move(letter.key), std::move(letter.message));
  return letters;
}

/// A line as it is written, of the key 1.
std::string line(const std::string& message) {
  return R"({"key":1,"sequence":2,"attempts":0,"why":"shutdown","first_error":null,)"
         R"("last_error":null,"first_failed":null,"died":"2026-01-31T23:59:59.000250Z",)"
         R"("redriven":0,"message":")" +
         message + "\"}\n";
}

/// What is said of the file's first bad line.
std::string fault_of(const std::string& path) {
  try {
    (void)read<int, std::string>(path);
    return "";
  } catch (const bad_dead_letter& error) {
    return error.what();
  }
}

TEST(dead_letter_reader, tells_all_of_a_letter) {
  const file_directory here;
  const auto before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  {
    dead_letter_file<std::string, int> file(here.file());
    int message = -7;
    const auto now = std::chrono::steady_clock::now();
    const std::string key = "k";
    file({.key = key,
          .message = message,
          .sequence = std::numeric_limits<std::uint64_t>::max(),
          .attempts = std::numeric_limits<unsigned>::max(),
          .why = death::failed_rest,
          .first_error = std::make_exception_ptr(std::runtime_error("line\nbreak")),
          .first_failed = now,
          .died = now + std::chrono::seconds(1),
          .reason = "no \"such\"\naccount"});
  }
  int letters = 0;
  for (const auto& letter : read_dead_letters<std::string, int>(here.file())) {
    EXPECT_EQ(letter.key, "k");
    EXPECT_EQ(letter.message, -7);
    EXPECT_EQ(letter.sequence, std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(letter.attempts, std::numeric_limits<unsigned>::max());
    EXPECT_EQ(letter.why, death::failed_rest);
    EXPECT_EQ(letter.reason, "no \"such\"\naccount");
    EXPECT_EQ(letter.first_error, "line\nbreak");
    EXPECT_EQ(letter.last_error, std::nullopt);
    EXPECT_EQ(letter.died - letter.first_failed.value(), std::chrono::seconds(1));
    EXPECT_GE(letter.died, before);
    EXPECT_FALSE(letter.redriven);
    EXPECT_EQ(letter.line, 1u);
    ++letters;
  }
  EXPECT_EQ(letters, 1);
}

TEST(dead_letter_reader, knows_every_death) {
  const file_directory here;
  const std::vector<death> deaths{death::failed, death::failed_rest, death::shutdown,
                                  death::expired, death::purged};
  {
    dead_letter_file<int, int> file(here.file());
    int message = 0;
    for (const auto why : deaths)
      file({.key = 0, .message = message, .sequence = 0, .why = why});
  }
  std::vector<death> read;
  for (const auto& letter : read_dead_letters<int, int>(here.file()))
    read.push_back(letter.why);
  EXPECT_EQ(read, deaths);
}

TEST(dead_letter_reader, finds_no_reason_where_there_is_none) {
  const file_directory here;
  const auto path = here.file(line("a"));
  for (const auto& letter : read_dead_letters<int, std::string>(path))
    EXPECT_EQ(letter.reason, std::nullopt);
}

TEST(dead_letter_reader, gives_keys_and_messages_back_byte_for_byte) {
  std::string all;
  for (int c = 0; c < 256; ++c)
    all += static_cast<char>(c);
  const std::vector<two_texts> letters{{"", ""},
                                       {std::string("a\0b", 3), std::string("\0", 1)},
                                       {all, all},
                                       {"\xFF", "\xEF\xBF\xBD"},
                                       {"\xFE", "\r\n\"\\\t"},
                                       {R"({"hex":"ff"})", "}\n{"},
                                       {std::string(100'000, 'k'), std::string(300'000, '\x80')}};
  const file_directory here;
  write(here.file(), letters);
  EXPECT_EQ((read<std::string, std::string>(here.file())), letters);
}

TEST(dead_letter_reader, gives_integers_back) {
  const file_directory here;
  using limits = std::numeric_limits<std::int64_t>;
  const std::vector<std::pair<bool, std::int64_t>> letters{
      {true, limits::min()}, {false, limits::max()}, {true, 0}};
  write(here.file(), letters);
  EXPECT_EQ((read<bool, std::int64_t>(here.file())), letters);
  EXPECT_THAT(([&]() -> std::string {
                try {
                  (void)read<bool, std::int32_t>(here.file());
                } catch (const bad_dead_letter& error) {
                  return error.what();
                }
                return "";
              })(),
              AllOf(HasSubstr("line 1"), HasSubstr("not an integer of its type")));
}

TEST(dead_letter_reader, parses_what_formatters_wrote) {
  const file_directory here;
  write<int, double>(here.file(), {{1, 0.5}, {2, 0.25}}, {.message_json = [](const double& value) {
                       return "\n[ " + std::to_string(value) + ",\r\n{\"a\":[]} ]\n";
                     }});
  const auto parse = [](std::string_view json) {
    EXPECT_TRUE(json.starts_with("[ ") && json.ends_with(",  {\"a\":[]} ]")) << json;
    return std::stod(std::string(json.substr(2)));
  };
  EXPECT_THAT((read<int, double>(here.file(), {.message = parse})),
              ElementsAre(std::pair(1, 0.5), std::pair(2, 0.25)));
}

TEST(dead_letter_reader, asks_for_the_parsers_it_needs) {
  const file_directory here;
  write<int, int>(here.file(), {});
  EXPECT_THROW((read<int, double>(here.file())), std::invalid_argument);
}

TEST(dead_letter_reader, stops_before_a_torn_line) {
  const file_directory here;
  for (const std::string& torn :
       {std::string(), std::string("{"), std::string("{\"key\":1"), std::string(3, '\0')}) {
    const auto path = here.file(line("a") + line("b") + torn);
    convoy::dead_letter_reader<int, std::string> letters(path);
    int count = 0;
    while (letters.next() != nullptr)
      ++count;
    EXPECT_EQ(count, 2);
    EXPECT_EQ(letters.torn(), torn.size());
  }
}

TEST(dead_letter_reader, reads_lines_wherever_a_block_ends) {
  const file_directory here;
  for (std::size_t size = (1 << 16) - 210; size < (1 << 16) - 190; ++size) {
    const auto path = here.file(line(std::string(size, 'x')) + line("b"));
    EXPECT_THAT((read<int, std::string>(path)),
                ElementsAre(std::pair(1, std::string(size, 'x')), std::pair(1, std::string("b"))));
  }
}

TEST(dead_letter_reader, says_what_is_wrong_in_which_line) {
  const file_directory here;
  const auto good = line("a");
  const auto changed = [&](const std::string& from, const std::string& to) {
    auto bad = good;
    bad.replace(bad.find(from), from.size(), to);
    return bad;
  };
  for (const auto& [bad, why] :
       std::vector<two_texts>{{"\n", "there should be {\"key\":"},
                              {"hello\n", "there should be {\"key\":"},
                              {"{}\n", "there should be {\"key\":"},
                              {changed(":2", ":-2"), "a digit"},
                              {changed(":2", ":18446744073709551616"), "too large"},
                              {changed(":2", ":02"), "there should be"},
                              {changed("\"attempts\":0", "\"attempts\":4294967296"), "too large"},
                              {changed("shutdown", "\\u0000b"), "no message dies of \"\\u0000b\""},
                              {changed("null", "nul"), "there should be"},
                              {changed("2026-01-31", "2026-01-32"), "no such time"},
                              {changed("\"redriven\":0", "\"redriven\":2"), "too large"},
                              {changed("}", "}}"), "there is more than there should be, at byte"},
                              {changed("}", ""), "there should be }"},
                              {changed("}", "} "), "there is more"},
                              {changed("\"a\"", "\"\xFF\""), "not UTF-8"},
                              {changed("\"a\"", "\"\\ud800\""), "surrogate"},
                              {changed("\"a\"", "5"), "there should be \""},
                              {changed("\"key\":1", "\"key\":x"), "not a JSON value, at byte 8"},
                              {good.substr(0, 30) + good, "at byte"}}) {
    const auto path = here.file(good + bad + good);
    const auto fault = fault_of(path);
    EXPECT_THAT(fault, AllOf(HasSubstr("'" + path + "', line 2: "), HasSubstr(why))) << bad;
    EXPECT_EQ(fault.find('\n'), std::string::npos);
  }
}

TEST(dead_letter_reader, goes_on_behind_bad_lines_if_it_is_told_to) {
  const file_directory here;
  const auto path = here.file("# a comment\n" + line("a") + "{}\n" + line("b"));
  std::vector<two_texts> bad;
  const auto letters =
      read<int, std::string>(path, {.on_bad_line = [&](const auto& error, std::string_view text) {
                               bad.emplace_back(std::to_string(error.line()), text);
                             }});
  EXPECT_THAT(letters, ElementsAre(std::pair(1, std::string("a")), std::pair(1, std::string("b"))));
  EXPECT_THAT(bad, ElementsAre(two_texts("1", "# a comment"), two_texts("3", "{}")));
  convoy::dead_letter_reader<int, std::string> by_hand(path);
  EXPECT_THROW(by_hand.next(), bad_dead_letter);
  EXPECT_EQ(by_hand.next()->message, "a");
}

TEST(dead_letter_reader, reads_what_older_versions_wrote) {
  auto old = line("a");
  const std::string mark = R"("redriven":0,)";
  old.erase(old.find(mark), mark.size());
  const file_directory here;
  EXPECT_THAT((read<int, std::string>(here.file(old))),
              ElementsAre(std::pair(1, std::string("a"))));
}

TEST(dead_letter_reader, tells_why_it_cant_read) {
  const file_directory here;
  EXPECT_THROW((read<int, int>(here.file())), std::system_error);
  EXPECT_THROW((read<int, int>("/tmp")), std::system_error);
  EXPECT_THROW((read<int, int>(here.file(line("a")) + std::string("\0x", 2))),
               std::invalid_argument);
}

} // namespace
