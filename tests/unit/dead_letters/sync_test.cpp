#include "dead_letters/file_directory.hpp"
#include "dead_letters/file_of_numbers.hpp"
#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_reader.hpp>
#include <filesystem>
#include <functional>
#include <gmock/gmock.h>
#include <mutex>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// What a dead_letter_file with `sync` waits for. Its fdatasync() is ours here: it can be held, and fail.

namespace {

/// What is done instead of fdatasync(); returns errno. Nothing: what is always done.
std::atomic<std::function<int()>*> instead{nullptr};

} // namespace

extern "C" int fdatasync(int descriptor) {
  if (auto* const function = instead.load()) {
    errno = (*function)();
    return errno == 0 ? 0 : -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}

namespace {

using convoy::dead_letter_refused;
using convoy::test::content_of;
using convoy::test::file_directory;
using convoy::test::file_of_numbers;
using convoy::test::messages;
using convoy::test::offer;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class replaced_sync {
public:
  explicit replaced_sync(std::function<int()> function) : function_(std::move(function)) {
    instead = &function_;
  }
  ~replaced_sync() { instead = nullptr; }
  replaced_sync(const replaced_sync&) = delete;
  replaced_sync& operator=(const replaced_sync&) = delete;

private:
  std::function<int()> function_;
};

std::string refusal(file_of_numbers& file, int message) {
  try {
    offer(file, message);
    return "";
  } catch (const dead_letter_refused& refused) {
    EXPECT_EQ(refused.next(), dead_letter_refused::then::offer_again);
    return refused.what();
  }
}

TEST(dead_letter_sync, syncs_lines_that_come_meanwhile_together) {
  const file_directory here;
  file_of_numbers file(here.file(), {.sync = true});
  gate held;
  std::atomic<int> syncs{0}, taken{0};
  const replaced_sync sync([&] {
    if (++syncs == 1)
      held.pass();
    return 0;
  });
  std::vector<std::thread> writers;
  const auto write = [&](int message) {
    writers.emplace_back([&, message] {
      offer(file, message);
      ++taken;
    });
  };
  write(0);
  held.await_visitors();
  for (int message = 1; message < 6; ++message)
    write(message);
  // They are written, though nobody has synced them, and none is taken.
  EXPECT_TRUE(eventually([&] { return messages(here.file()).size() == 6; }));
  EXPECT_EQ(taken, 0);
  held.open();
  for (auto& writer : writers)
    writer.join();
  EXPECT_EQ(syncs, 2);
  EXPECT_THAT(messages(here.file()), SizeIs(6));
}

TEST(dead_letter_sync, takes_no_line_before_a_sync_that_began_when_it_was_written) {
  const file_directory here;
  file_of_numbers file(here.file(), {.sync = true});
  std::mutex mutex;
  std::vector<int> durable; // after the last sync
  const replaced_sync sync([&] {
    auto found = messages(here.file()); // at its begin
    std::this_thread::yield();
    const std::lock_guard lock(mutex);
    durable = std::move(found);
    return 0;
  });
  std::atomic<int> wrong{0};
  std::vector<std::thread> writers;
  for (int thread = 0; thread < 4; ++thread)
    writers.emplace_back([&, thread] {
      for (int i = 0; i < 100; ++i) {
        const int message = thread * 100 + i;
        offer(file, message);
        const std::lock_guard lock(mutex);
        wrong += std::find(durable.begin(), durable.end(), message) == durable.end() ? 1 : 0;
      }
    });
  for (auto& writer : writers)
    writer.join();
  EXPECT_EQ(wrong, 0);
}

TEST(dead_letter_sync, needs_fewer_syncs_than_lines_with_two_threads_too) {
  const file_directory here;
  file_of_numbers file(here.file(), {.sync = true});
  constexpr int letters = 25;
  std::atomic<int> syncs{0};
  const replaced_sync sync([&] {
    ++syncs;
    std::this_thread::sleep_for(std::chrono::milliseconds(40)); // so that there is time to join
    return 0;
  });
  const auto write = [&] {
    for (int i = 0; i < letters; ++i) {
      offer(file, i);
      std::this_thread::sleep_for(std::chrono::milliseconds(1)); // the other one is awake by then
    }
  };
  std::thread other(write);
  write();
  other.join();
  EXPECT_LT(syncs, letters * 3 / 2); // in turn it would be one for each line
}

TEST(dead_letter_sync, leaves_nothing_of_lines_that_could_not_be_synced) {
  const file_directory here;
  file_of_numbers file(here.file(), {.sync = true});
  offer(file, 0);
  gate held;
  {
    std::atomic<int> syncs{0};
    const replaced_sync sync([&] {
      if (++syncs != 1)
        return 0;
      held.pass();
      return EIO;
    });
    std::vector<std::thread> writers;
    std::atomic<int> refused{0};
    const auto write = [&](int message) {
      writers.emplace_back([&, message] {
        const auto why = refusal(file, message);
        EXPECT_THAT(why, AllOf(HasSubstr("can't sync '" + here.file()), HasSubstr("Input/output")));
        ++refused;
      });
    };
    write(1);
    held.await_visitors();
    for (int message = 2; message < 5; ++message) // of these nobody knows either
      write(message);
    EXPECT_TRUE(eventually([&] { return messages(here.file()).size() == 5; }));
    held.open();
    for (auto& writer : writers)
      writer.join();
    EXPECT_EQ(refused, 4);
    EXPECT_THAT(messages(here.file()), ElementsAre(0));
  }
  offer(file, 5);
  EXPECT_THAT(messages(here.file()), ElementsAre(0, 5));
}

TEST(dead_letter_sync, tries_again_when_a_signal_interrupts_it) {
  const file_directory here;
  file_of_numbers file(here.file(), {.sync = true});
  int calls = 0;
  const replaced_sync sync([&] { return ++calls < 3 ? EINTR : 0; });
  offer(file, 1);
  EXPECT_EQ(calls, 3);
}

TEST(dead_letter_sync, syncs_what_a_moved_file_holds_before_it_leaves_it) {
  const file_directory here;
  const auto moved = here.file("", "moved");
  file_of_numbers file(here.file(), {.sync = true});
  gate held;
  std::atomic<int> syncs{0};
  const replaced_sync sync([&] {
    if (++syncs == 1)
      held.pass();
    return 0;
  });
  std::thread first([&] { offer(file, 1); });
  held.await_visitors();
  std::thread second([&] { offer(file, 2); });
  EXPECT_TRUE(eventually([&] { return messages(here.file()).size() == 2; }));
  std::filesystem::rename(here.file(), moved);
  std::thread third([&] { offer(file, 3); });
  held.open();
  first.join();
  second.join();
  third.join();
  EXPECT_EQ(syncs, 3);
  EXPECT_THAT(messages(moved), ElementsAre(1, 2));
  EXPECT_THAT(messages(here.file()), ElementsAre(3));
}

TEST(dead_letter_sync, does_not_lengthen_a_file_that_was_emptied) {
  const file_directory here;
  file_of_numbers file(here.file(), {.sync = true});
  for (const bool before : {true, false}) {
    offer(file, 1);
    if (before)
      std::filesystem::resize_file(here.file(), 0);
    const replaced_sync sync([&] {
      if (!before)
        std::filesystem::resize_file(here.file(), 0);
      return EIO;
    });
    EXPECT_NE(refusal(file, 2), "");
    EXPECT_EQ(content_of(here.file()), "");
  }
  offer(file, 3);
  EXPECT_THAT(messages(here.file()), ElementsAre(3));
}

} // namespace
