#include "killed_process.hpp"
#include "oracle.hpp"

#include <algorithm>
#include <array>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_redrive.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <iostream>
#include <random>
#include <string>
#include <unistd.h>
#include <utility>

// A process that redrives a file is killed at random moments, again and again: no letter is lost, those of a
// key come in their order, and after a kill no more than what was under way comes twice.

namespace {

using convoy::redrive_dead_letters;
using convoy::test::effort;
using convoy::test::killed_process;
using convoy::test::repeat_with;
using convoy::test::seed;

constexpr const char* file_variable = "CONVOY_REDRIVE_KILL_TEST_FILE";
constexpr std::uint32_t keys = 7, letters = 9'000, most_under_way = 1'000;

struct told {
  std::uint32_t key;
  std::uint32_t number; // 0, 1, 2, … of its key
};

[[noreturn]] void redrive(const char* path) {
  convoy::runtime rt{{.concurrency = 2}};
  convoy::processor<std::uint32_t, std::uint32_t> p{
      rt,
      [](const std::uint32_t& key, std::uint32_t& number) {
        killed_process::tell(told{key, number});
      },
      {.capacity = 512}};
  std::_Exit(redrive_dead_letters<std::uint32_t, std::uint32_t>(path, p).complete() ? 0 : 1);
}

void kill_and_check(const std::string& path) {
  {
    convoy::dead_letter_file<std::uint32_t, std::uint32_t> file(path);
    for (std::uint32_t i = 0; i < letters; ++i) {
      auto number = i / keys;
      file({.key = i % keys, .message = number, .sequence = i});
    }
  }
  std::mt19937_64 random(seed());
  std::array<std::uint32_t, keys> next{}; // of each key: it and those behind it were not handled
  std::uint32_t repeated = 0, kills = 0;
  for (bool is_complete = false; !is_complete;) {
    killed_process process("dead_letter_redrive.survives_kills",
                           {std::string(file_variable) + "=" + path});
    std::array<bool, keys> begun{};
    auto last = next;
    std::uint32_t of_this = 0;
    auto wanted = 1 + random() % 2'500;
    is_complete = true;
    for (told news{}; process.listen(news);) {
      ASSERT_LT(news.key, keys);
      auto& expected = last[news.key];
      if (!std::exchange(begun[news.key], true)) {
        ASSERT_LE(news.number, expected) << "a letter of the key was lost";
        expected = news.number;
      }
      ASSERT_EQ(news.number, expected) << "not in the key's order";
      if (expected++ < next[news.key])
        ++of_this;
      else
        next[news.key] = expected;
      if (--wanted == 0) {
        process.kill();
        ++kills;
        is_complete = false;
      }
    }
    EXPECT_LE(of_this, most_under_way);
    repeated += of_this;
  }
  for (std::uint32_t key = 0; key < keys; ++key)
    EXPECT_EQ(next[key], (letters - key + keys - 1) / keys);
  for (const auto& letter : convoy::read_dead_letters<std::uint32_t, std::uint32_t>(path))
    ASSERT_TRUE(letter.redriven) << letter.line;
  std::cout << kills << " kills, " << repeated << " letters came twice\n";
}

TEST(dead_letter_redrive, survives_kills) {
  if (const char* const path = std::getenv(file_variable))
    redrive(path);
  SCOPED_TRACE(repeat_with());
  for (int round = 0; round < std::max(1, static_cast<int>(2 * effort())); ++round) {
    std::string path = "/tmp/convoy_redrive_XXXXXX";
    const int descriptor = ::mkstemp(path.data());
    ASSERT_GE(descriptor, 0);
    ::close(descriptor);
    kill_and_check(path);
    std::filesystem::remove(path);
  }
}

} // namespace
