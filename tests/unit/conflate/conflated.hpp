#pragma once

// Numbers that are conflated: one knows how many others were merged into it.

#include "gate.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <future>
#include <gtest/gtest.h>
#include <utility>
#include <vector>

namespace conflated {

using numbers = convoy::processor<int, int>;

inline constexpr int one_more = 1 << 20;
constexpr int number_of(int m) {
  return m % one_more;
}
constexpr int merged_in(int m) {
  return m / one_more;
}
/// The number is the first one's.
constexpr int with(int number, int merged) {
  return number + merged * one_more;
}
inline void merge(int& waiting, int& next) {
  waiting += one_more * (1 + merged_in(next));
}

inline void must_submit(numbers& p, int key, int first, int last) {
  for (int m = first; m <= last; ++m)
    ASSERT_EQ(p.submit(key, m), convoy::submit_status::accepted);
}
inline void must_submit(numbers& p, int key, int m) {
  must_submit(p, key, m, m);
}
/// All that was submitted so far has left its ring, if there is one partition: for tests in which a key
/// stands still, or runs.
inline void let_arrive(numbers& p) {
  constexpr int another = 1'000'000;
  must_submit(p, another, another);
  p.drain(another);
}
inline bool is_another(int m) {
  return m == 1'000'000;
}
inline void stop(numbers& p, int key) {
  std::promise<void> stands;
  p.pause(key, [&] { stands.set_value(); });
  stands.get_future().wait();
}

} // namespace conflated
