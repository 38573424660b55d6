#include "failing_memory.hpp"

#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <malloc.h>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

// The heap of this program. All forms of operator new end in get(), all of operator delete in free(), so
// that sanitizers see malloc and free in pairs.

namespace convoy::test {

namespace {

std::atomic<std::size_t> bytes{0};

// What is to fail. `armed` is the last to be written and the first to be read.
std::atomic<bool> armed{false};
std::atomic<whose> threads_concerned{whose::this_thread};
std::atomic<std::uint64_t> countdown{0}; // allocations before the first that fails, and it
std::atomic<std::uint64_t> failures_left{0};
std::atomic<bool> has_happened{false};

thread_local bool armed_by_us = false;
thread_local unsigned own = 0;
thread_local std::int64_t pieces = 0;

bool counts() noexcept {
  if (!armed.load(std::memory_order_acquire) || own != 0)
    return false;
  const auto threads = threads_concerned.load(std::memory_order_relaxed);
  return threads == whose::all_threads || armed_by_us == (threads == whose::this_thread);
}

/// Counts down to 0 and stays there.
bool reaches_zero(std::atomic<std::uint64_t>& counter) noexcept {
  auto value = counter.load(std::memory_order_relaxed);
  while (value != 0 &&
         !counter.compare_exchange_weak(value, value - 1, std::memory_order_relaxed)) {
  }
  return value <= 1;
}

bool fails() noexcept {
  if (!counts() || !reaches_zero(countdown))
    return false;
  auto left = failures_left.load(std::memory_order_relaxed);
  while (left != 0 &&
         !failures_left.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) {
  }
  if (left == 0)
    return false;
  has_happened.store(true, std::memory_order_release);
  return true;
}

void* get(std::size_t size, std::size_t alignment) noexcept {
  if (fails())
    return nullptr;
  const auto rounded = (size + alignment - 1) / alignment * alignment;
  void* const memory = alignment <= alignof(std::max_align_t)
                           ? std::malloc(size != 0 ? size : 1)
                           : std::aligned_alloc(alignment, rounded);
  if (memory != nullptr) {
    bytes.fetch_add(malloc_usable_size(memory), std::memory_order_relaxed);
    ++pieces;
  }
  return memory;
}

void* get_or_throw(std::size_t size, std::size_t alignment) {
  if (void* const memory = get(size, alignment))
    return memory;
  throw std::bad_alloc();
}

void give_back(void* memory) noexcept {
  if (memory == nullptr)
    return;
  bytes.fetch_sub(malloc_usable_size(memory), std::memory_order_relaxed);
  --pieces;
  std::free(memory);
}

} // namespace

std::size_t live_bytes() noexcept {
  return bytes.load(std::memory_order_relaxed);
}
std::int64_t live_pieces() noexcept {
  return pieces;
}

failing_allocation::failing_allocation(std::uint64_t n, whose threads,
                                       std::uint64_t failures) noexcept {
  threads_concerned.store(threads, std::memory_order_relaxed);
  countdown.store(n, std::memory_order_relaxed);
  failures_left.store(failures, std::memory_order_relaxed);
  has_happened.store(false, std::memory_order_relaxed);
  armed_by_us = true;
  armed.store(true, std::memory_order_release);
}
void failing_allocation::memory_comes_back() noexcept {
  armed.store(false, std::memory_order_release);
  armed_by_us = false;
}
bool failing_allocation::happened() noexcept {
  return has_happened.load(std::memory_order_acquire);
}

own_memory::own_memory() noexcept {
  ++own;
}
own_memory::~own_memory() {
  --own;
}

} // namespace convoy::test

// clang-format off
using convoy::test::get;
using convoy::test::get_or_throw;
using convoy::test::give_back;
constexpr std::size_t usual = alignof(std::max_align_t);
void* operator new(std::size_t n) { return get_or_throw(n, usual); }
void* operator new[](std::size_t n) { return get_or_throw(n, usual); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return get(n, usual); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return get(n, usual); }
void* operator new(std::size_t n, std::align_val_t a) { return get_or_throw(n, std::size_t(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return get_or_throw(n, std::size_t(a)); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return get(n, std::size_t(a)); }
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return get(n, std::size_t(a)); }
void operator delete(void* p) noexcept { give_back(p); }
void operator delete[](void* p) noexcept { give_back(p); }
void operator delete(void* p, std::size_t) noexcept { give_back(p); }
void operator delete[](void* p, std::size_t) noexcept { give_back(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { give_back(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { give_back(p); }
void operator delete(void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete[](void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { give_back(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { give_back(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { give_back(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { give_back(p); }
// clang-format on

namespace {

using convoy::test::failing_allocation;
using convoy::test::live_bytes;
using convoy::test::live_pieces;
using convoy::test::own_memory;
using convoy::test::whose;

/// Whether the calling thread gets memory, by each form of operator new.
std::vector<bool> which_forms_fail() {
  std::vector<bool> failed;
  const auto note = [&](auto&& form) {
    bool is_null = false;
    try {
      is_null = form() == nullptr;
    } catch (const std::bad_alloc&) {
      is_null = true;
    }
    const own_memory ours;
    failed.push_back(is_null);
  };
  constexpr auto aligned = std::align_val_t{256};
  const auto freed = [](void* memory) {
    void* volatile same = memory; // only whether it is null is asked: GCC sees a use after free
    ::operator delete(memory);
    return static_cast<void*>(same);
  };
  note([&] { return freed(::operator new(1)); });
  note([&] { return freed(::operator new[](1)); });
  note([&] { return freed(::operator new(1, std::nothrow)); });
  note([&] { return freed(::operator new[](1, std::nothrow)); });
  note([&] { return freed(::operator new(1, aligned)); });
  note([&] { return freed(::operator new[](1, aligned)); });
  note([&] { return freed(::operator new(1, aligned, std::nothrow)); });
  note([&] { return freed(::operator new[](1, aligned, std::nothrow)); });
  return failed;
}

TEST(failing_memory, fails_by_each_form_of_new_and_then_comes_back) {
  for (std::uint64_t n = 1; n <= 8; ++n) {
    std::vector<bool> expected(8, false);
    expected[n - 1] = true;
    failing_allocation failing(n);
    const auto failed = which_forms_fail();
    failing.memory_comes_back();
    EXPECT_TRUE(failing.happened());
    EXPECT_EQ(failed, expected);
  }
  const std::vector<bool> none(8, false);
  failing_allocation failing(9);
  const auto failed = which_forms_fail();
  failing.memory_comes_back();
  EXPECT_FALSE(failing.happened());
  EXPECT_EQ(failed, none);
}

TEST(failing_memory, fails_for_those_threads_only_that_are_meant) {
  const auto other_threads_fail = [] {
    std::vector<bool> failed;
    std::thread([&] { failed = which_forms_fail(); }).join();
    return failed;
  };
  const std::vector<bool> all(8, true), none(8, false);
  for (const auto threads : {whose::this_thread, whose::other_threads, whose::all_threads}) {
    std::vector<bool> ours, others;
    std::thread started;
    gate armed;
    started = std::thread([&] {
      armed.pass();
      others = which_forms_fail();
    });
    {
      failing_allocation failing(1, threads, failing_allocation::for_ever);
      ours = which_forms_fail();
      armed.open();
      started.join();
    }
    EXPECT_EQ(ours, threads == whose::other_threads ? none : all);
    EXPECT_EQ(others, threads == whose::this_thread ? none : all);
  }
  EXPECT_EQ(other_threads_fail(), none);
}

TEST(failing_memory, counts_what_is_alive) {
  const auto bytes = live_bytes();
  const auto pieces = live_pieces();
  auto kept = std::make_unique<std::string>(100'000, 'x');
  EXPECT_GE(live_bytes(), bytes + 100'000);
  EXPECT_EQ(live_pieces(), pieces + 2);
  kept.reset();
  EXPECT_EQ(live_bytes(), bytes);
  EXPECT_EQ(live_pieces(), pieces);
}

} // namespace
