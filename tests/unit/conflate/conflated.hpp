#pragma once

// Numbers that are conflated: one knows how many others were merged into it.

#include "gate.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <optional>
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

/// Of tests. Notes what is handled of all keys but the one of let_arrive(), so one of them runs at a time;
/// message 0 waits at a gate.
class conflating : public testing::Test {
protected:
  numbers& make(numbers::options wanted = {}, unsigned workers = 2) {
    wanted.partitions = 1;
    if (!wanted.conflate)
      wanted.conflate = merge;
    rt_.emplace(convoy::runtime::options{.concurrency = workers});
    return p_.emplace(
        *rt_, [this](const int&, int& m) { return handle(m); }, std::move(wanted));
  }
  /// Message 0 of a key runs until it is let go.
  void hold(int key) {
    must_submit(*p_, key, 0);
    held_.await_visitors();
  }
  void end() {
    held_.open();
    p_->drain();
  }
  void expect_account(std::uint64_t completed, std::uint64_t dead, std::uint64_t conflated) {
    const auto is = p_->account();
    EXPECT_EQ(is.completed - others_, completed);
    EXPECT_EQ(is.dead_letters, dead);
    EXPECT_EQ(is.conflated, conflated);
    EXPECT_TRUE(is.balanced());
  }

  gate held_;
  std::vector<int> handled_; // without the gate's
  std::function<convoy::outcome(int m)> then_ = [](int) { return convoy::outcome::done; };
  std::atomic<std::uint64_t> others_{0};
  std::optional<convoy::runtime> rt_;
  std::optional<numbers> p_;

private:
  convoy::outcome handle(int m) {
    if (is_another(m)) {
      ++others_;
      return convoy::outcome::done;
    }
    if (m == 0)
      held_.pass();
    handled_.push_back(m);
    return then_(m);
  }
};

} // namespace conflated
