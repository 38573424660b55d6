#pragma once

// `lanes` where handlers may fail. Not one of the strategies that are compared: those have neither
// retries nor dead letters. handler(index) returns an outcome, and
// handler.bury(index, why, attempts) gets the dead letters.

#include "strategies/strategy.hpp"
#include "strategies/watched.hpp"

#include <convoy/convoy.hpp>
#include <cstdint>
#include <optional>
#include <stdexcept>

namespace convoy::tool {

template <class Handler>
class failing_lanes {
public:
  failing_lanes(Handler& handler, const strategy_setup& setup, const failure_policy& policy)
      : runtime_{{.concurrency = setup.workers}} {
    typename processor_type::options options;
    options.capacity = setup.capacity;
    options.failure = policy;
    options.dead_letters = [&handler](typename processor_type::dead_letter& letter) {
      handler.bury(letter.message, letter.why, letter.attempts);
    };
    make_watched(options, setup, "lanes");
    messages_.emplace(runtime_, call{handler}, options);
    door_.emplace(runtime_, setup.socket);
  }

  void submit(std::uint32_t key, std::uint32_t index) {
    if (messages_->submit(key_index{key}, index) != submit_status::accepted)
      throw std::logic_error{"an open processor refused a message"};
  }

  /// Returns when every message is handled or dead. To drain() would be to wait for parked keys,
  /// which nobody resumes: with its end the processor buries what is parked.
  void end() { messages_.reset(); }

private:
  using processor_type = processor<key_index, std::uint32_t>;

  struct call {
    Handler& handler;
    outcome operator()(std::uint32_t& index) const { return handler(index); }
  };

  runtime runtime_;
  std::optional<processor_type> messages_;
  std::optional<watched_door> door_;
};

} // namespace convoy::tool
