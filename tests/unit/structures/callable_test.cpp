#include <array>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <utility>

namespace {

using convoy::detail::callable;

TEST(callable, calls_what_it_was_made_from_after_moves) {
  int called = 0;
  callable first([&] { ++called; });
  callable second(std::move(first));
  callable third(std::move(second));
  third();
  third();
  EXPECT_EQ(called, 2);
}

/// Moves a callable that owns `alive` about and destroys it.
template <class Function>
void expect_one_owner(const std::shared_ptr<int>& alive, Function function) {
  const auto owners = alive.use_count();
  {
    callable first(std::move(function));
    EXPECT_EQ(alive.use_count(), owners);
    callable second(std::move(first));
    EXPECT_EQ(alive.use_count(), owners);
    second();
  }
  EXPECT_EQ(alive.use_count(), owners - 1);
}

TEST(callable, owns_a_small_callable) {
  const auto alive = std::make_shared<int>();
  expect_one_owner(alive, [alive = alive] {});
}

TEST(callable, owns_a_large_callable) {
  const auto alive = std::make_shared<int>();
  expect_one_owner(alive, [alive = alive, large = std::array<char, 1'000>{}] { (void)large; });
}

TEST(callable, owns_a_callable_whose_move_may_throw) {
  struct fussy {
    std::shared_ptr<int> alive;
    explicit fussy(std::shared_ptr<int> p) : alive(std::move(p)) {}
    fussy(fussy&& other) noexcept(false) : alive(std::move(other.alive)) {}
    void operator()() const {}
  };
  const auto alive = std::make_shared<int>();
  expect_one_owner(alive, fussy(alive));
}

TEST(callable, aligns_what_it_holds) {
  struct alignas(64) aligned {
    void operator()() const { *misplaced = reinterpret_cast<std::uintptr_t>(this) % 64 != 0; }
    bool* misplaced;
  };
  bool misplaced = true;
  callable run(aligned{&misplaced});
  run();
  EXPECT_FALSE(misplaced);
}

TEST(callable, lets_exceptions_out) {
  callable run([] { throw std::runtime_error("no"); });
  EXPECT_THROW(run(), std::runtime_error);
}

TEST(callable, leaves_nothing_behind_when_copying_the_callable_throws) {
  struct fragile {
    std::shared_ptr<int> alive;
    explicit fragile(std::shared_ptr<int> p) : alive(std::move(p)) {}
    fragile(const fragile& other) : alive(other.alive) { throw std::runtime_error("copy"); }
    void operator()() const {}
  };
  const auto alive = std::make_shared<int>();
  const fragile function(alive);
  EXPECT_THROW(const callable copy(function), std::runtime_error);
  EXPECT_EQ(alive.use_count(), 2);
}

} // namespace
