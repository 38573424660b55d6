#pragma once

// How long things took, with weights: 16 classes for each power of two, up to 18 minutes; each
// class is 6 % wide.

#include "convoy/snapshot.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace convoy::detail {

class time_histogram {
public:
  void add(std::int64_t ns, double weight) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
    counts_[class_of(value)] += static_cast<float>(weight);
    weight_ += weight;
    sum_ += weight * static_cast<double>(value);
    max_ = std::max(max_, value);
  }
  void add(const time_histogram& other) noexcept {
    for (std::size_t i = 0; i < classes; ++i)
      counts_[i] += other.counts_[i];
    weight_ += other.weight_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
  }
  void clear() noexcept { *this = time_histogram(); }

  [[nodiscard]] distribution figures() const noexcept;
  void add_to(running_total& total) const noexcept {
    total.sum += std::chrono::duration<double, std::nano>(sum_);
    total.count += weight_;
  }

  /// function(ns, weight) for each class, with its middle.
  template <class Function>
  void for_each(Function&& function) const {
    for (std::size_t i = 0; i < classes; ++i)
      if (counts_[i] > 0)
        function((static_cast<double>(end_of(i)) +
                  (i == 0 ? 0.0 : static_cast<double>(end_of(i - 1)) + 1)) /
                     2,
                 static_cast<double>(counts_[i]));
  }

private:
  static constexpr unsigned bits = 4;
  static constexpr std::size_t parts = std::size_t{1} << bits;
  static constexpr std::size_t classes = (40 - bits + 1) * parts;

  [[nodiscard]] static std::size_t class_of(std::uint64_t value) noexcept {
    if (value < parts)
      return value;
    const auto power = static_cast<unsigned>(std::bit_width(value)) - 1;
    const auto part = (value >> (power - bits)) & (parts - 1);
    return std::min<std::size_t>((power - bits + 1) * parts + part, classes - 1);
  }
  /// The largest value of a class.
  [[nodiscard]] static std::uint64_t end_of(std::size_t which) noexcept {
    if (which < parts)
      return which;
    const auto power = static_cast<unsigned>(which / parts) - 1 + bits;
    return (((which % parts) + parts + 1) << (power - bits)) - 1;
  }
  [[nodiscard]] std::chrono::nanoseconds percentile(double share) const noexcept;

  std::array<float, classes> counts_{};
  double weight_ = 0, sum_ = 0;
  std::uint64_t max_ = 0;
};

} // namespace convoy::detail
