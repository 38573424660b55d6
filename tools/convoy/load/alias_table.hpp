#pragma once

// Draws an index by weight.

#include <cstdint>
#include <vector>

namespace convoy::tool {

/// Walker's alias method in Vose's form (A Linear Algorithm For Generating Random Numbers With a
/// Given Distribution, IEEE TSE 1991): the probability mass is cut into columns of equal height,
/// each shared by at most two indices, so that a draw is one look-up. 16 bytes per index.
class alias_table {
public:
  /// Weights are finite, not negative and not all 0; fewer than 2^32 of them. O(n).
  explicit alias_table(const std::vector<double>& weights);

  /// The index for a uniform number in [0, 1).
  [[nodiscard]] std::uint32_t operator()(double uniform) const noexcept;

private:
  struct column {
    double own = 1; ///< share of the column that is its own index's
    std::uint32_t other = 0;
  };
  std::vector<column> columns_;
};

} // namespace convoy::tool
