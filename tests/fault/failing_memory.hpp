#pragma once

// The heap of convoy_fault_tests, see failing_memory_test.cpp: operator new fails when it is told to,
// and counts what is alive.

#include "gate.hpp"

#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <utility>

namespace convoy::test {

/// Bytes that operator new gave out and that were not deleted, of all threads. What the library gets
/// from malloc itself is not in it: the blocks of moodycamel's queues, and whatever TBB has.
[[nodiscard]] std::size_t live_bytes() noexcept;
/// What the calling thread has got, less what it has deleted, in pieces.
[[nodiscard]] std::int64_t live_pieces() noexcept;

enum class whose { this_thread, other_threads, all_threads };

/// From its construction on, allocations of these threads count; the n-th fails, and so do those behind
/// it up to `failures` altogether. With the object memory comes back. One at a time.
class failing_allocation {
public:
  static constexpr std::uint64_t for_ever = ~std::uint64_t{0};

  explicit failing_allocation(std::uint64_t n, whose threads = whose::this_thread,
                              std::uint64_t failures = 1) noexcept;
  ~failing_allocation() { memory_comes_back(); }
  failing_allocation(const failing_allocation&) = delete;
  failing_allocation& operator=(const failing_allocation&) = delete;

  void memory_comes_back() noexcept;

  /// An allocation has failed.
  [[nodiscard]] static bool happened() noexcept;
};

/// As long as it lives, the calling thread has memory whatever happens: for what the test itself needs.
class own_memory {
public:
  own_memory() noexcept;
  ~own_memory();
  own_memory(const own_memory&) = delete;
  own_memory& operator=(const own_memory&) = delete;
};

/// Calls function(n) for n = 1, 2, 3, … until it returns false: until no allocation has failed. Returns how
/// many have.
template <class Function>
std::uint64_t for_each_allocation(Function&& function) {
  constexpr std::uint64_t too_many = 20'000;
  std::uint64_t n = 1;
  while (function(n)) {
    if (++n == too_many || testing::Test::HasFatalFailure()) {
      ADD_FAILURE() << "the " << n << "-th allocation still fails";
      break;
    }
  }
  return n - 1;
}

/// Calls `function` with the calling thread's n-th allocation failing, n = 1, 2, 3, …, until there are none
/// left to fail; the library may do without some. After each bad_alloc calls unchanged(). Returns how many
/// allocations failed.
template <class Function, class Unchanged>
std::uint64_t fails_cleanly(Function&& function, Unchanged&& unchanged) {
  return for_each_allocation([&](std::uint64_t n) {
    bool threw = false, failed = false;
    {
      failing_allocation failing(n);
      try {
        function();
      } catch (const std::bad_alloc&) {
        threw = true;
      }
      failed = failing.happened();
    }
    EXPECT_LE(threw, failed);
    if (threw)
      unchanged();
    return failed;
  });
}
template <class Function>
std::uint64_t fails_cleanly(Function&& function) {
  return fails_cleanly(function, [] {});
}

/// A message that owns memory: copying it may fail, and one sees whether it was moved from.
class parcel {
public:
  explicit parcel(int number) : content_(std::make_unique<int>(number)) {}
  parcel(const parcel& other) : content_(std::make_unique<int>(*other.content_)) {}
  parcel(parcel&&) noexcept = default;
  parcel& operator=(const parcel&) = delete;
  parcel& operator=(parcel&&) noexcept = default;
  ~parcel() = default;

  [[nodiscard]] bool is_intact() const noexcept { return content_ != nullptr; }
  [[nodiscard]] int number() const noexcept { return is_intact() ? *content_ : -1; }

private:
  std::unique_ptr<int> content_;
};

/// accepted = completed + dead_letters + discarded, where nothing is unfinished. The account is brought up to
/// date at the end of the visit that also ends a drain().
template <class Processor>
void expect_exact_account(const Processor& p, std::uint64_t accepted) {
  EXPECT_TRUE(eventually([&] { return p.account().balanced(); }));
  EXPECT_EQ(p.account().accepted, accepted);
}

} // namespace convoy::test
