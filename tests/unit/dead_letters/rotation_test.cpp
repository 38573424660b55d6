#include "dead_letters/file_directory.hpp"
#include "dead_letters/file_of_numbers.hpp"
#include "gate.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_reader.hpp>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <string>
#include <sys/file.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

// A dead_letter_file whose file is moved, removed or made shorter while it is open: no letter is lost.

namespace {

namespace fs = std::filesystem;
using convoy::dead_letter_refused;
using convoy::test::content_of;
using convoy::test::file_directory;
using convoy::test::file_of_numbers;
using convoy::test::messages;
using convoy::test::offer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

bool is_locked(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY);
  const bool locked = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0;
  ::close(descriptor);
  return locked;
}

class rotation : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(sync, rotation, testing::Bool());

TEST_P(rotation, goes_on_in_a_new_file_when_the_old_one_was_moved) {
  const file_directory here;
  const auto path = here.file(), moved = here.file("", "dead.1");
  file_of_numbers file(path, {.sync = GetParam()});
  offer(file, 1);
  fs::rename(path, moved);
  offer(file, 2);
  EXPECT_THAT(messages(moved), ElementsAre(1));
  EXPECT_THAT(messages(path), ElementsAre(2));
  EXPECT_FALSE(is_locked(moved));
  EXPECT_TRUE(is_locked(path));
}

TEST_P(rotation, lets_go_of_a_moved_file_when_it_is_reopened) {
  const file_directory here;
  const auto path = here.file(), moved = here.file("", "dead.1");
  file_of_numbers file(path, {.sync = GetParam()});
  offer(file, 1);
  file.reopen(); // nothing was moved
  EXPECT_THAT(messages(path), ElementsAre(1));
  fs::rename(path, moved);
  EXPECT_TRUE(is_locked(moved));
  file.reopen();
  EXPECT_FALSE(is_locked(moved));
  EXPECT_THAT(messages(moved), ElementsAre(1));
  EXPECT_TRUE(fs::exists(path));
  EXPECT_THAT(messages(path), IsEmpty());
}

TEST_P(rotation, goes_on_behind_what_is_in_the_new_file) {
  const file_directory here;
  const auto path = here.file(), moved = here.file("", "dead.1");
  file_of_numbers file(path, {.sync = GetParam()});
  offer(file, 1);
  fs::rename(path, moved);
  std::ofstream(path) << content_of(moved) << "torn";
  offer(file, 2);
  EXPECT_THAT(messages(path), ElementsAre(1, 2));
  EXPECT_EQ(file.torn(), 4u);
}

TEST_P(rotation, loses_nothing_when_the_file_was_removed) {
  const file_directory here;
  const auto path = here.file();
  file_of_numbers file(path, {.sync = GetParam()});
  fs::remove(path);
  offer(file, 1);
  EXPECT_THAT(messages(path), ElementsAre(1));
}

TEST_P(rotation, refuses_until_there_can_be_a_new_file) {
  const file_directory here;
  const auto directory = here.file("", "logs"), path = directory + "/dead.jsonl";
  fs::create_directory(directory);
  file_of_numbers file(path, {.sync = GetParam()});
  fs::remove_all(directory);
  EXPECT_THROW(file.reopen(), std::system_error);
  try {
    offer(file, 1);
    ADD_FAILURE() << "it was not refused";
  } catch (const dead_letter_refused& refused) {
    EXPECT_EQ(refused.next(), dead_letter_refused::then::offer_again);
    EXPECT_THAT(refused.what(), HasSubstr("can't open '" + path + "'"));
  }
  fs::create_directory(directory);
  offer(file, 1);
  EXPECT_THAT(messages(path), ElementsAre(1));
}

TEST_P(rotation, follows_a_link) {
  const file_directory here;
  const auto link = here.file("", "link");
  fs::create_symlink(here.file("", "first"), link);
  file_of_numbers file(link, {.sync = GetParam()});
  offer(file, 1);
  fs::remove(link);
  fs::create_symlink(here.file("", "second"), link);
  offer(file, 2);
  EXPECT_THAT(messages(here.file("", "first")), ElementsAre(1));
  EXPECT_THAT(messages(here.file("", "second")), ElementsAre(2));
  EXPECT_TRUE(fs::is_symlink(link));
}

TEST_P(rotation, goes_on_at_the_start_of_a_file_that_was_emptied) {
  const file_directory here;
  file_of_numbers file(here.file(), {.sync = GetParam()});
  offer(file, 1);
  fs::resize_file(here.file(), 0);
  offer(file, 2);
  EXPECT_THAT(messages(here.file()), ElementsAre(2));
}

TEST_P(rotation, loses_and_repeats_nothing_while_letters_come) {
  const file_directory here;
  constexpr int threads = 3, letters = 100;
  std::atomic<int> writing{threads};
  file_of_numbers file(here.file(), {.sync = GetParam()});
  std::vector<std::thread> writers;
  for (int key = 0; key < threads; ++key)
    writers.emplace_back([&, key] {
      for (int i = 0; i < letters; ++i) {
        int message = i;
        file({.key = key, .message = message, .sequence = 0});
      }
      --writing;
    });
  std::vector<std::string> files;
  while (writing != 0) {
    files.push_back(here.file("", std::to_string(files.size())));
    fs::rename(here.file(), files.back());
    if (files.size() % 2 == 0)
      file.reopen();
    while (writing != 0 && !fs::exists(here.file()))
      std::this_thread::yield();
    if (!fs::exists(here.file()))
      break;
  }
  for (auto& writer : writers)
    writer.join();
  files.push_back(here.file());
  std::vector<int> next(threads, 0);
  for (const auto& path : files) {
    if (!fs::exists(path))
      continue;
    for (const auto& letter : convoy::read_dead_letters<int, int>(path))
      ASSERT_EQ(letter.message, next[static_cast<std::size_t>(letter.key)]++) << path;
  }
  EXPECT_THAT(next, testing::Each(letters));
}

} // namespace
