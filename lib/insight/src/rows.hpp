#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace convoy::detail {

/// Where intervals go so that those of a row do not overlap: slices of a track must nest.
class rows {
public:
  /// Each begins no earlier than the one before. The first row that is free.
  std::size_t place(std::int64_t begin, std::int64_t end) {
    while (!taken_.empty() && taken_.top().first <= begin) {
      free_.push(taken_.top().second);
      taken_.pop();
    }
    auto row = count_;
    if (free_.empty()) {
      ++count_;
    } else {
      row = free_.top();
      free_.pop();
    }
    taken_.emplace(end, row);
    return row;
  }

private:
  using end_and_row = std::pair<std::int64_t, std::size_t>;

  std::size_t count_ = 0;
  std::priority_queue<end_and_row, std::vector<end_and_row>, std::greater<>> taken_;
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> free_;
};

} // namespace convoy::detail
