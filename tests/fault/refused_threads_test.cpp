#include "exit_status.hpp"
#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <grp.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <tbb/global_control.h>
#include <thread>
#include <unistd.h>

// The system makes no more threads. Each test runs in a process of its own, which gives up root's rights and
// allows itself no more of them; an alarm ends it if it hangs.

namespace {

using namespace std::chrono_literals;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::test::is_wrong;
using convoy::test::works;

constexpr int says_so = 3;
constexpr int too_late = 5; // a thread was there already when they were refused

#if defined(__SANITIZE_THREAD__)
/// ThreadSanitizer has a thread of its own, which counts.
constexpr bool with_thread_sanitizer = true;
#else
constexpr bool with_thread_sanitizer = false;
#endif

void end_unless(bool holds, const char* what) {
  if (holds)
    return;
  std::fprintf(stderr, "%s\n", what);
  std::_Exit(is_wrong);
}

bool threads_are_made() {
  try {
    std::thread([] {}).join();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

/// From here on this process gets no thread, but the first few. An alarm ends it if it hangs.
void refuse_threads(unsigned but = 0, bool for_good = true) {
  ::alarm(20);
  // The limit counts all processes of a user: one that has no others, and no other run of this test.
  const auto nobody = static_cast<uid_t>(1'000'000 + ::getpid());
  if (::getuid() == 0)
    end_unless(::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0,
               "can't become nobody");
  const rlim_t most = but == 0 ? 0 : 1 + but;
  const rlimit limit{most, for_good ? most : 1'000};
  end_unless(::setrlimit(RLIMIT_NPROC, &limit) == 0, "can't limit threads");
  if (but == 0) // else it would count for a moment though it is joined
    end_unless(!threads_are_made(), "threads are made all the same");
}

/// Again, if they were not refused for good.
void allow_threads() {
  const rlimit limit{1'000, 1'000};
  end_unless(::setrlimit(RLIMIT_NPROC, &limit) == 0, "can't allow threads");
}

void use(runtime& rt) {
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }};
  for (int i = 0; i < 1'000; ++i)
    end_unless(p.submit(i % 10, i) == submit_status::accepted, "refused");
  p.drain();
  end_unless(handled == 1'000, "not all is handled");
}

class refused_threads_DeathTest : public testing::Test {
protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  /// Works, or says why not: with an exception that it catches, or with a message before it ends.
  static bool works_or_says_so(int status) {
    if (WIFEXITED(status))
      return WEXITSTATUS(status) == works || WEXITSTATUS(status) == says_so;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT; // the message is looked at as well
  }
};

void make_runtime_without_threads() {
  refuse_threads();
  try {
    runtime rt{{.concurrency = 2}};
    std::fputs("made\n", stderr);
    use(rt);
    std::_Exit(works);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "caught: %s\n", e.what());
    std::_Exit(says_so);
  }
}

/// Was a bug: a runtime without any worker is made as if nothing were wrong, and drain() waits for ever. (TBB says
/// nothing when it gets no thread, it tries again with the next task; and nobody looks whether one has come.)
TEST_F(refused_threads_DeathTest, a_runtime_without_any_says_so) {
  EXPECT_EXIT(make_runtime_without_threads(), works_or_says_so, ".+");
}

void make_runtime_with_one_thread() {
  refuse_threads(1);
  try {
    runtime rt{{.concurrency = 4}};
    use(rt);
    end_unless(!threads_are_made(), "it was not short of threads");
    std::_Exit(works);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "caught: %s\n", e.what());
    std::_Exit(says_so);
  }
}

TEST_F(refused_threads_DeathTest, a_runtime_works_with_some_of_them_or_says_so) {
  if (with_thread_sanitizer)
    GTEST_SKIP() << "ThreadSanitizer has a thread of its own";
  if (::getuid() != 0)
    GTEST_SKIP() << "one's own user has other processes, which the limit counts";
  EXPECT_EXIT(make_runtime_with_one_thread(), works_or_says_so, "");
}

void use_runtime_that_has_its_workers() {
  runtime rt{{.concurrency = 2}};
  { // both are there
    gate held;
    processor<int, int> p{rt, [&](int&) { held.pass(); }};
    (void)p.submit(1, 1);
    (void)p.submit(2, 2);
    held.await_visitors(2);
    held.open();
  }
  refuse_threads();
  use(rt);
  std::_Exit(works);
}

TEST_F(refused_threads_DeathTest, a_runtime_works_with_the_workers_it_has) {
  EXPECT_EXIT(use_runtime_that_has_its_workers(), testing::ExitedWithCode(works), "");
}

/// The timer thread is there from the beginning.
void use_times_without_another_thread() {
  runtime rt{{.concurrency = 1}};
  refuse_threads();
  std::atomic<int> handled{0};
  processor<int, int> p{rt,
                        [&](int& calls) {
                          if (calls++ == 0)
                            throw std::runtime_error("for the first time");
                          ++handled;
                        },
                        {.on_error = [](const int&, const std::exception_ptr&) {},
                         .failure = convoy::failure_policy{.backoff = 1ms}}};
  end_unless(p.submit(1, 0) == submit_status::accepted, "refused");
  end_unless(p.submit_after(2, 1ms, 0).status() == submit_status::accepted, "refused");
  while (handled != 2)
    std::this_thread::sleep_for(1ms);
  std::_Exit(works);
}

TEST_F(refused_threads_DeathTest, a_processor_waits_for_times_without_another_thread) {
  EXPECT_EXIT(use_times_without_another_thread(), testing::ExitedWithCode(works), "");
}

void refuse_threads_for_a_while() {
  const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
  runtime rt{{.concurrency = 4}};
  gate held;
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](const int& key, int&) {
                          if (key < 2)
                            held.pass();
                          ++handled;
                        }};
  for (const int key : {0, 1}) { // TBB's thread and the one that was made with the runtime
    (void)p.submit(key, 0);
    held.await_visitors(static_cast<std::size_t>(key) + 1);
  }
  refuse_threads(0, false);
  for (int key = 2; key < 10; ++key)
    (void)p.submit(key, 0);
  std::this_thread::sleep_for(50ms);
  if (handled != 0)
    std::_Exit(too_late);
  allow_threads();
  while (handled != 8)
    std::this_thread::sleep_for(1ms);
  std::_Exit(works);
}

/// With a thread that is refused it is not forgotten that one is missing.
TEST_F(refused_threads_DeathTest, a_runtime_tries_again_to_make_one) {
  if (::getuid() != 0)
    GTEST_SKIP() << "one's own user has other processes, which the limit counts";
  int status = -1;
  const auto ends_well = [&status](int found) {
    status = found;
    return testing::ExitedWithCode(works)(found) || testing::ExitedWithCode(too_late)(found);
  };
  for (int tries = 0; tries < 5 && !testing::ExitedWithCode(works)(status); ++tries)
    EXPECT_EXIT(refuse_threads_for_a_while(), ends_well, "");
  EXPECT_TRUE(testing::ExitedWithCode(works)(status)) << "never set up, on this machine";
}

} // namespace
