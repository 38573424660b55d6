// Records from a seed: the same arguments give the same records, in both programs.
#pragma once

#include "text.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>

namespace brokers {

struct generated_options {
  std::int64_t keys = 100; // k0, k1, …
  std::int64_t hot = 0;    // percent of the records that have the key k0, besides its share
  std::int64_t nulls = 0;  // percent of the records that have no key
  std::int64_t bytes = 20; // size of a value, at least that of its number
  std::int64_t rate = 0;   // records a second; 0: as fast as it goes
  std::int64_t first = 0;  // number of the first record
  std::int64_t seed = 1;
};

inline generated_options generated_from(arguments& given) {
  generated_options o;
  o.keys = given.take("keys", o.keys);
  o.hot = given.take("hot", o.hot);
  o.nulls = given.take("nulls", o.nulls);
  o.bytes = given.take("bytes", o.bytes);
  o.rate = given.take("rate", o.rate);
  o.first = given.take("first", o.first);
  o.seed = given.take("seed", o.seed);
  given.end();
  if (o.keys < 1 || o.hot < 0 || o.nulls < 0 || o.hot + o.nulls > 100 || o.bytes < 0 ||
      o.rate < 0) {
    throw std::runtime_error{
        "keys must be at least 1, hot and nulls are percents, bytes and rate not negative"};
  }
  return o;
}

struct generated_record {
  std::optional<std::string> key;
  std::string value; // its number, and dots up to the size that was asked for
};

class generator {
public:
  explicit generator(const generated_options& options)
      : options_{options}, random_{static_cast<std::uint64_t>(options.seed)}, next_{options.first} {
  }

  generated_record operator()() {
    generated_record record;
    const auto kind = below(100);
    const auto key = below(options_.keys);
    if (kind < options_.hot) {
      record.key = "k0";
    } else if (kind < 100 - options_.nulls) {
      record.key = "k" + std::to_string(key);
    }
    record.value = std::to_string(next_++);
    record.value.resize(std::max(record.value.size(), static_cast<std::size_t>(options_.bytes)),
                        '.');
    return record;
  }

private:
  // Not a distribution of the standard library: those differ between libraries. The bias of the remainder is no matter.
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }

  generated_options options_;
  std::mt19937_64 random_;
  std::int64_t next_;
};

} // namespace brokers
