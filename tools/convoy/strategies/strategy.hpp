#pragma once

// The ways to process keyed messages that a replay compares. Each is a class template
//   strategy<Handler>{handler, setup}   starts the workers; they call handler(index)
//   submit(key, index)                  any thread; waits while `capacity` messages are unfinished
//   drain()                             returns when all that was submitted is handled
// and not a virtual interface, so that a run with empty handlers measures the strategy. Whoever
// submits for one key from several threads gets no order between these threads; a replay submits
// each key from one, and joint messages all from one: `key` is their first.

#include "load/workload.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

enum class strategy { lanes, single, unordered, shards, mutex };

struct strategy_traits {
  strategy id;
  std::string_view name;
  bool keeps_order;
  std::string_view words;  ///< what it is, for people
  bool takes_joint = true; ///< it can handle messages of several keys
};

inline constexpr std::array<strategy_traits, 5> strategies{{
    {strategy::lanes, "lanes", true, "a lane per key (this library)"},
    {strategy::single, "single", true, "one queue, one consumer: the convoy"},
    {strategy::unordered, "unordered", false, "one queue, a plain pool: order is lost"},
    {strategy::shards, "shards", true,
     "hash(key) chooses one of N queues, each with its own thread", false},
    {strategy::mutex, "mutex", true, "a mutex and a queue per key, run by a pool"},
}};

[[nodiscard]] constexpr const strategy_traits& traits_of(strategy id) {
  return strategies[static_cast<std::size_t>(id)];
}

struct strategy_setup {
  unsigned workers = 1;     ///< threads that run handlers, at least 1; `single` uses one of them
  std::size_t capacity = 1; ///< messages submitted and not yet finished, at least 1
  std::size_t keys = 0;     ///< keys are 0 … keys - 1
  std::string socket = {};  ///< where `lanes` can be watched; empty: nowhere
  const std::vector<std::string>* names = nullptr; ///< of the keys, for that
  bool conflates = false;         ///< `lanes` handles the latest of the messages of a key that wait
  const workload* load = nullptr; ///< of the messages, where some are shared or joint
};

} // namespace convoy::tool
