#pragma once

#include "gate.hpp"

#include <algorithm>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

/// A message that reads, or one that writes.
struct reading {
  int number = 0;
  bool writes = false;
};

template <>
struct convoy::message_traits<reading> {
  static convoy::access access(const reading& r) noexcept {
    return r.writes ? access::exclusive : access::shared;
  }
};

inline reading read(int number) {
  return {number, false};
}
inline reading write(int number) {
  return {number, true};
}

using reading_processor = convoy::processor<int, reading>;
namespace convoy::detail { // in readings.cpp alone: a few seconds of each file
using core_of_readings = core<int, reading, void, std::hash<int>, std::equal_to<int>>;
extern template class lane_set<core_of_readings>;
extern template class partition<core_of_readings>;
extern template class maintenance<partition<core_of_readings>>;
extern template class submitter<core_of_readings>;
} // namespace convoy::detail
extern template class convoy::processor<int, reading>;

/// What happened, in words: "+1" 1 has begun, "-1" it has ended, "x1" it is a dead letter.
class happenings {
public:
  void add(char what, int number) {
    const std::lock_guard lock(mutex_);
    all_.push_back(what + std::to_string(number));
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  [[nodiscard]] bool has(const std::string& what) const {
    const std::lock_guard lock(mutex_);
    return std::find(all_.begin(), all_.end(), what) != all_.end();
  }
  /// Both have happened, in this order.
  [[nodiscard]] bool in_order(const std::string& first, const std::string& then) const {
    const std::lock_guard lock(mutex_);
    const auto at = std::find(all_.begin(), all_.end(), first);
    return at != all_.end() && std::find(at, all_.end(), then) != all_.end();
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

/// Handlers that wait until they are let go, each for itself.
class readers {
public:
  /// To be called by the handler.
  void handle(const reading& r) {
    what.add('+', r.number);
    if (!r.writes)
      of(r.number).pass();
    what.add('-', r.number);
  }
  void let_go(int number) { of(number).open(); }
  void let_all_go(int first, int last) {
    for (; first <= last; ++first)
      let_go(first);
  }
  /// They are all in their handlers at the same time.
  void await(int first, int last) {
    for (; first <= last; ++first)
      of(first).await_visitors();
  }

  happenings what;

private:
  gate& of(int number) {
    const std::lock_guard lock(mutex_);
    auto& its = gates_[number];
    if (its == nullptr)
      its = std::make_unique<gate>();
    return *its;
  }

  std::mutex mutex_;
  std::map<int, std::unique_ptr<gate>> gates_;
};
