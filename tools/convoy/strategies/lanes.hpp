#pragma once

// `lanes`: this library, used as anyone would.

#include "strategies/strategy.hpp"
#include "strategies/watched.hpp"

#include <convoy/convoy.hpp>
#include <cstdint>
#include <stdexcept>

namespace convoy::tool {

template <class Handler>
class convoy_lanes {
public:
  convoy_lanes(Handler& handler, const strategy_setup& setup)
      : runtime_{{.concurrency = setup.workers}},
        messages_{runtime_, call{handler}, options_of(setup, handler)}, door_{runtime_,
                                                                              setup.socket} {}

  void submit(std::uint32_t key, std::uint32_t index) {
    if (messages_.submit(key_index{key}, index) != submit_status::accepted)
      throw std::logic_error{"an open processor refused a message"};
  }

  void drain() { messages_.drain(); }

private:
  using processor_type = processor<key_index, std::uint32_t>;

  struct call {
    Handler& handler;
    void operator()(std::uint32_t& index) const { handler(index); }
  };

  static processor_type::options options_of(const strategy_setup& setup,
                                            [[maybe_unused]] Handler& handler) {
    processor_type::options options;
    options.capacity = setup.capacity;
    if constexpr (requires { handler.merge(0U, 0U); })
      if (setup.conflates)
        options.conflate = [&handler](std::uint32_t& waiting, std::uint32_t& next) {
          handler.merge(waiting, next);
          waiting = next;
        };
    make_watched(options, setup, "lanes");
    return options;
  }

  runtime runtime_;
  processor_type messages_;
  watched_door door_;
};

} // namespace convoy::tool
