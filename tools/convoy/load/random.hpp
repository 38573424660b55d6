#pragma once

// Random draws that are the same with every standard library (the distributions of std are not).

#include <array>
#include <cstdint>
#include <random>

namespace convoy::tool {

/// What is drawn. Draws of different kinds from one seed are independent of one another.
enum class drawn : std::uint32_t { keys = 1, service = 2, arrivals = 3, poison = 4, overshoot = 5 };

class random_source {
public:
  random_source(std::uint64_t seed, drawn kind) : engine_(engine(seed, kind)) {}

  /// Uniform in [0, 1), in steps of 2^-53.
  double operator()() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

private:
  static std::mt19937_64 engine(std::uint64_t seed, drawn kind) {
    const std::array<std::uint32_t, 3> words = {static_cast<std::uint32_t>(seed),
                                                static_cast<std::uint32_t>(seed >> 32),
                                                static_cast<std::uint32_t>(kind)};
    std::seed_seq sequence(words.begin(), words.end());
    return std::mt19937_64(sequence);
  }

  std::mt19937_64 engine_;
};

} // namespace convoy::tool
