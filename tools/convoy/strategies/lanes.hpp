#pragma once

// `lanes`: this library, used as anyone would.

#include "strategies/strategy.hpp"

#include <convoy/convoy.hpp>
#include <cstdint>
#include <stdexcept>

namespace convoy::tool {

template <class Handler>
class convoy_lanes {
public:
  convoy_lanes(Handler& handler, const strategy_setup& setup)
      : runtime_{{.concurrency = setup.workers}}, messages_{runtime_,
                                                            call{handler},
                                                            {.capacity = setup.capacity}} {}

  void submit(std::uint32_t key, std::uint32_t index) {
    if (messages_.submit(key, index) != submit_status::accepted)
      throw std::logic_error{"an open processor refused a message"};
  }

  void drain() { messages_.drain(); }

private:
  struct call {
    Handler& handler;
    void operator()(std::uint32_t& index) const { handler(index); }
  };

  runtime runtime_;
  processor<std::uint32_t, std::uint32_t> messages_;
};

} // namespace convoy::tool
