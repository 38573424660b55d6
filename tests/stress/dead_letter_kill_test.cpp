#include "killed_process.hpp"
#include "oracle.hpp"

#include <array>
#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_file.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>

// A process that writes dead letters is killed at random moments, again and again: whatever it said was
// written is in the file, once, in order per key, and nothing is torn.
//
// It tells of each letter through a pipe as soon as the sink has returned.

namespace {

using convoy::test::effort;
using convoy::test::killed_process;
using convoy::test::repeat_with;
using convoy::test::seed;
using file_type = convoy::dead_letter_file<std::uint32_t, std::string>;

constexpr const char* file_variable = "CONVOY_KILL_TEST_FILE";
constexpr const char* first_key_variable = "CONVOY_KILL_TEST_FIRST_KEY";
constexpr std::uint32_t keys = 8; // of each process; the next one has others

struct told {
  std::uint32_t key;
  std::uint32_t number; // 1, 2, 3, … of its key
};

/// Some are longer than a few pages: a kill cuts a write between pages.
std::string message_of(std::uint32_t number) {
  constexpr std::array<std::size_t, 4> lengths{20, 5'000, 100, 100'000};
  return std::to_string(number) + std::string(lengths[number % lengths.size()], 'x');
}

[[noreturn]] void write_until_killed(const char* path, std::uint32_t first_key) {
  file_type file(path);
  convoy::runtime rt{{.concurrency = 2}};
  convoy::processor<std::uint32_t, std::string> p{
      rt,
      [](std::string&) { return convoy::outcome::skip; },
      {.capacity = 64, .dead_letters = [&](auto& letter) {
         const told news{letter.key, static_cast<std::uint32_t>(std::stoul(letter.message))};
         file(letter);
         killed_process::tell(news);
       }}};
  for (std::uint32_t number = 1;; ++number)
    for (std::uint32_t key = 0; key < keys; ++key)
      if (p.submit(first_key + key, message_of(number)) != convoy::submit_status::accepted)
        std::_Exit(1);
}

killed_process writer(const std::string& path, std::uint32_t first_key) {
  return killed_process("dead_letter_file.survives_kills",
                        {std::string(file_variable) + "=" + path,
                         std::string(first_key_variable) + "=" + std::to_string(first_key)});
}

/// What a writer told of each of its keys: that the first so many are written.
class promises {
public:
  explicit promises(std::uint32_t first_key) : first_key_(first_key) {}

  void add(const told& news) { EXPECT_EQ(news.number, ++told_.at(news.key - first_key_)); }

  /// Its lines, in the order in which they are in the file. Of each key there may be one more than it
  /// told of: it was killed in between.
  void check(std::istream& lines) const {
    std::array<std::uint32_t, keys> found{};
    for (std::string line; std::getline(lines, line);) {
      ASSERT_FALSE(lines.eof()) << "the last line has no end";
      const std::string_view start = "{\"key\":";
      ASSERT_EQ(line.rfind(start), 0u) << "torn, or torn and continued: " << line.substr(0, 200);
      const auto key = std::stoul(line.substr(start.size())) - first_key_;
      ASSERT_LT(key, keys) << line.substr(0, 200);
      ASSERT_TRUE(line.ends_with(",\"message\":\"" + message_of(++found[key]) + "\"}"))
          << "not number " << found[key] << " of its key: " << line.substr(0, 300);
    }
    for (std::size_t key = 0; key < keys; ++key) {
      EXPECT_GE(found[key], told_[key]) << "a line that was told of is missing";
      EXPECT_LE(found[key], told_[key] + 1);
    }
  }

private:
  std::uint32_t first_key_;
  std::array<std::uint32_t, keys> told_{};
};

void kill_and_check(const std::string& path) {
  std::mt19937_64 random(seed());
  const auto kills = static_cast<std::uint32_t>(30 * effort());
  std::uintmax_t checked = 0; // of the file, in bytes
  int torn = 0;
  for (std::uint32_t i = 0; i < kills && !testing::Test::HasFailure(); ++i) {
    const auto first_key = i * keys;
    promises promised(first_key);
    {
      auto process = writer(path, first_key);
      told news{};
      for (auto letters = 1 + random() % 40; letters != 0; --letters) {
        ASSERT_TRUE(process.listen(news)) << "the writer ended by itself";
        promised.add(news);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 1'000));
      process.kill();
      while (process.listen(news))
        promised.add(news);
    }
    torn += file_type(path).torn() != 0 ? 1 : 0;
    std::ifstream lines(path, std::ios::binary);
    lines.seekg(static_cast<std::streamoff>(checked));
    promised.check(lines);
    checked = std::filesystem::file_size(path);
  }
  std::cout << torn << " of " << kills << " kills tore a line\n";
}

TEST(dead_letter_file, survives_kills) {
  if (const char* const path = std::getenv(file_variable))
    write_until_killed(path,
                       static_cast<std::uint32_t>(std::stoul(std::getenv(first_key_variable))));
  SCOPED_TRACE(repeat_with());
  std::string path = "/tmp/convoy_kill_XXXXXX";
  const int descriptor = ::mkstemp(path.data());
  ASSERT_GE(descriptor, 0);
  ::close(descriptor);
  kill_and_check(path);
  std::filesystem::remove(path);
}

} // namespace
