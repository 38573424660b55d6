#include "exit_status.hpp"
#include "sanitized.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

// A child of fork() has one thread, the one that called it. Each test runs in a process of its own; an alarm
// ends the child if it hangs.

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::test::is_wrong;
using convoy::test::works;

/// True: all is handled.
bool use_a_runtime() {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }};
  for (int i = 0; i < 1'000; ++i)
    if (p.submit(i % 10, i) != submit_status::accepted)
      return false;
  p.drain();
  return handled == 1'000;
}

/// Ends this process as a child ends that calls `body`.
template <class Body>
[[noreturn]] void end_as_a_child(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    std::_Exit(body() ? works : is_wrong);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    std::fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
  std::_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : is_wrong);
}

[[noreturn]] void fork_after_a_runtime() {
  if (!use_a_runtime())
    std::_Exit(is_wrong);
  std::this_thread::sleep_for(std::chrono::milliseconds(1)); // TBB's threads look for work no more
  end_as_a_child(use_a_runtime);
}

[[noreturn]] void fork_beside_a_runtime() {
  const runtime rt{{.concurrency = 2}};
  end_as_a_child(use_a_runtime);
}

/// The child ends as a program does whose runtime is an object of a static function.
[[noreturn]] void destroy_what_is_the_parents() {
  auto rt = std::make_unique<runtime>(runtime::options{.concurrency = 2});
  auto p = std::make_unique<processor<int, int>>(*rt, [](int&) {});
  for (int i = 0; i < 1'000; ++i)
    (void)p->submit(i % 10, i);
  p->drain();
  end_as_a_child([&] {
    p.reset();
    rt.reset();
    return use_a_runtime();
  });
}

/// What it says is looked at as well.
[[noreturn]] void use_what_is_the_parents() {
  runtime rt{{.concurrency = 2}};
  processor<int, int> p{rt, [](int&) {}};
  end_as_a_child([&] {
    (void)p.submit(1, 1);
    try {
      const processor<int, int> another{rt, [](int&) {}};
      return false;
    } catch (const std::logic_error& e) {
      std::fprintf(stderr, "caught: %s\n", e.what());
      return true;
    }
  });
}

template <class Function>
bool is_refused(Function&& function) {
  try {
    function();
    return false;
  } catch (const std::logic_error&) {
    return true;
  }
}

/// With a thread of the parent's that sleeps in it, which is not there in the child to leave it.
[[noreturn]] void wait_for_what_is_the_parents() {
  auto rt = std::make_unique<runtime>(runtime::options{.concurrency = 1});
  std::atomic<bool> over{false};
  auto p = std::make_unique<processor<int, int>>(
      *rt,
      [&](int&) {
        while (!over)
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
      },
      processor<int, int>::options{.capacity = 1});
  (void)p->submit(1, 1);
  std::thread waits([&] { (void)p->submit(1, 2); });
  std::thread drains([&] { p->drain(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  end_as_a_child([&] {
    if (!is_refused([&] { p->drain(); }) || !is_refused([&] { p->drain(1); }) ||
        !is_refused([&] { (void)p->shutdown(std::chrono::milliseconds(10)); }))
      return false;
    p.reset();
    rt.reset();
    return use_a_runtime();
  });
}

[[noreturn]] void fork_in_a_handler() {
  runtime rt{{.concurrency = 2}};
  processor<int, int> p{rt, [](int&) { end_as_a_child(use_a_runtime); }};
  (void)p.submit(1, 1);
  p.drain();
  std::_Exit(is_wrong);
}

class fork_DeathTest : public testing::Test {
protected:
  void SetUp() override {
#ifdef CONVOY_TEST_SANITIZED
    // AddressSanitizer's allocator stays locked in the child if another thread was in it (LLVM < 18).
    GTEST_SKIP() << "ThreadSanitizer ends a child of fork() that makes threads, and a child of "
                    "AddressSanitizer's may wait for ever to allocate";
#endif
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
};

TEST_F(fork_DeathTest, a_child_has_a_runtime_of_its_own_after_one_of_its_parent) {
  EXPECT_EXIT(fork_after_a_runtime(), testing::ExitedWithCode(works), "");
}

TEST_F(fork_DeathTest, a_child_has_a_runtime_of_its_own_beside_one_of_its_parent) {
  EXPECT_EXIT(fork_beside_a_runtime(), testing::ExitedWithCode(works), "");
}

TEST_F(fork_DeathTest, a_child_may_destroy_what_it_has_from_its_parent) {
  EXPECT_EXIT(destroy_what_is_the_parents(), testing::ExitedWithCode(works), "");
}

TEST_F(fork_DeathTest, a_child_is_told_that_its_parents_runtime_has_no_threads) {
  EXPECT_EXIT(use_what_is_the_parents(), testing::ExitedWithCode(works),
              "a message waits for ever.*make a runtime in the child[^$]*caught: .*make a runtime "
              "in the child");
}

TEST_F(fork_DeathTest, a_child_is_refused_what_it_would_wait_for) {
  EXPECT_EXIT(wait_for_what_is_the_parents(), testing::ExitedWithCode(works), "");
}

TEST_F(fork_DeathTest, a_child_of_a_handler_has_a_runtime_of_its_own) {
  EXPECT_EXIT(fork_in_a_handler(), testing::ExitedWithCode(works), "");
}

} // namespace
