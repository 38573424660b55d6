#pragma once

// What a replay runs, and what it saw: the input and the raw output of every strategy, as plain
// data.

#include <algorithm>
#include <convoy/failure.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace convoy::tool {

struct message {
  std::int64_t arrival_ns =
      0; ///< intended submit time after the start of the run; 0 in closed runs
  std::int64_t service_ns = 0;     ///< time its handler spends
  std::uint32_t key = 0;           ///< index into workload::keys
  std::uint32_t position = 0;      ///< 0, 1, 2, … within its key: the order that must be kept
  bool is_shared = false;          ///< may be handled beside the shared ones next to it
  std::uint8_t further_count = 0;  ///< of keys beside that one, if it is joint
  std::uint32_t further_begin = 0; ///< where these are in workload::further_places
};

/// Of a message in one of its keys.
struct place {
  std::uint32_t key = 0;
  std::uint32_t position = 0;
};

struct workload {
  std::vector<message> messages;
  std::vector<std::string> keys;
  std::vector<place> further_places;   ///< of the joint messages; none where there are none
  std::vector<std::int64_t> key_bytes; ///< payload of each key; none where nothing is known of it
  std::uint64_t bytes = 0;             ///< of all messages: a joint one counts once
  std::size_t moved = 0;               ///< messages that were put in order of arrival
  bool has_shared = false;             ///< some are
  bool closed = true;                  ///< submitted as fast as it is taken, not at arrival_ns

  [[nodiscard]] bool has_joint() const { return !further_places.empty(); }
  /// All but the first.
  [[nodiscard]] std::span<const place> further(const message& m) const {
    return std::span{further_places}.subspan(m.further_begin, m.further_count);
  }
  /// Calls what(place) for each key of a message.
  template <class What>
  void each_place(const message& m, What&& what) const {
    what(place{m.key, m.position});
    for (const place& p : further(m))
      what(p);
  }
  [[nodiscard]] bool is_of(const message& m, std::uint32_t key) const {
    return m.key == key || std::ranges::find(further(m), key, &place::key) != further(m).end();
  }
};

/// Time stamps of one message, nanoseconds after the start of the run.
struct record {
  std::int64_t intended =
      0; ///< a: when it should have been submitted; closed: when submit was called
  std::int64_t accepted = 0; ///< e: when submit returned
  std::int64_t begun = 0;    ///< b: handler entered, for the first time
  std::int64_t done = -1;    ///< d: handler left; -1: never handled
  std::int64_t died = -1;    ///< became a dead letter; -1: never
  bool merged = false;       ///< conflated: a later one of its key stands for it, and was handled
};

/// What failing handlers led to, one entry per workload message; empty where none can fail.
struct fault_log {
  std::vector<std::uint32_t> calls; ///< of the handler
  std::vector<death> why;           ///< of those that died
  std::uint64_t miscounted = 0; ///< dead letters that told another number of attempts than calls
};

/// A call of a handler that failed, nanoseconds after the start of the run.
struct failed_call {
  std::int64_t begun = 0;
  std::int64_t ended = 0;
  std::uint32_t worker = 0;
};

/// Who ran what, of a run that is traced; else empty. One entry per workload message.
struct worker_log {
  std::vector<std::uint32_t> workers; ///< that handled it, in order of their first message
  std::vector<std::vector<failed_call>> failed; ///< calls for it; empty where none can fail
};

struct run {
  std::string strategy;
  unsigned workers = 0;
  bool keeps_order = true;     ///< what the strategy promises, not what was seen
  bool shares = false;         ///< it handles shared messages of a key at the same time
  std::vector<record> records; ///< one per workload message, same index
  std::uint64_t order_violations =
      0;                      ///< messages that began after a later one of their key had begun
  std::uint64_t overlaps = 0; ///< handlers entered while another of the same key ran
  std::uint64_t repeated = 0; ///< handlers run for a message already handled; messages that were
                              ///< handled and died, or died twice
  fault_log faults;
  worker_log seen;
};

} // namespace convoy::tool
