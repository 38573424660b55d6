#pragma once

// Collects the records of partitions, which come in any mixture, into a trace that is the same
// whatever that mixture was.

#include "input/trace.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace convoy::tool {

struct broker_record {
  std::string_view key; ///< may be empty
  std::optional<std::int64_t> at_ns;
  std::int64_t bytes = 0;
};

class record_collector {
public:
  /// At most `may_skip` records are left out; `source` names where they are from.
  record_collector(std::string source, std::size_t partitions, std::uint64_t may_skip);

  /// Throws input_error where there are too many records to number.
  void add(std::size_t partition, const broker_record&);

  /// Leaves out a record, or throws an input_error that says where it is and why it can't be read.
  void leave_out(const std::string& place, const std::string& reason);

  /// What the user should know of it, for the report.
  void note(const std::string& sentence);

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// The trace, without the name of its source; the collector is spent. Throws input_error where
  /// some records have a time and others have none, and where all were left out.
  trace finish() &&;

private:
  struct slim_record {
    std::int64_t at_ns; ///< -1: none
    std::int64_t bytes;
    std::uint32_t key;
  };

  struct text_hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::uint32_t index_of(std::string_view key);

  std::string source_;
  std::uint64_t may_skip_;
  std::uint64_t size_ = 0;
  std::vector<std::vector<slim_record>> partitions_;
  std::unordered_map<std::string, std::uint32_t, text_hash, std::equal_to<>> keys_;
  left_out not_read_;
};

} // namespace convoy::tool
