#pragma once

// Runs a workload through one strategy and records what happened to every message.

#include "load/workload.hpp"
#include "strategies/strategy.hpp"

#include <convoy/failure.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// How a handler spends its service time.
enum class service_kind {
  spin,  ///< busy: needs a core
  sleep, ///< idle, as if it waited for a disk or another service: many workers mean something on few
         ///< cores
  sleep_long ///< sleep, but spin what is shorter than a timer can tell
};

struct replay_options {
  unsigned workers = 1;           ///< at least 1
  unsigned producers = 1;         ///< threads that submit, at least 1; key % producers tells which
  std::size_t capacity = 1 << 20; ///< messages submitted and not yet finished, at least 1
  service_kind service = service_kind::sleep;
  bool shows_progress = false; ///< a bar on stderr
  bool traces = false;         ///< notes which worker ran what: run::seen
  bool conflates = false;      ///< see strategy_setup
  std::string socket = {};     ///< where `lanes` can be watched meanwhile; empty: nowhere
};

/// Refuses, before anything has run, a path that can't be replay_options::socket. Throws input_error.
void check_socket(const std::string& path);

/// Blocks until every message is handled. Joint messages need a strategy that takes_joint, one
/// producer, and a capacity that holds all keys of one: `lanes` needs that much room. Starts and ends its own threads. Throws what they threw,
/// std::system_error where they could not be started and std::bad_alloc; needs about 100 bytes per
/// message.
[[nodiscard]] run replay(const workload&, strategy, const replay_options&);

/// As replay() through `lanes`, but the handler of each message that is poison (one entry for each)
/// fails whenever it is called, and the policy says what follows. What is parked in the end becomes
/// dead letters. The capacity must be at least the number of messages: a parked key keeps its room.
/// Reports call the run `name`.
[[nodiscard]] run replay_failing(std::string_view name, const workload&,
                                 const std::vector<bool>& poison, const failure_policy&,
                                 const replay_options&);

} // namespace convoy::tool
