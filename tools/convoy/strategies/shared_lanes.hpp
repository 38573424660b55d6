#pragma once

// `lanes` where messages may be shared: those next to each other are handled at the same time.

#include "strategies/strategy.hpp"
#include "strategies/watched.hpp"

#include <convoy/convoy.hpp>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace convoy::tool {

struct index_of_message {
  std::uint32_t index;
  bool is_shared;
};

} // namespace convoy::tool

template <>
struct convoy::message_traits<convoy::tool::index_of_message> {
  static convoy::access access(const tool::index_of_message& m) noexcept {
    return m.is_shared ? access::shared : access::exclusive;
  }
};

namespace convoy::tool {

template <class Handler>
class shared_lanes {
public:
  shared_lanes(Handler& handler, const strategy_setup& setup)
      : runtime_{{.concurrency = setup.workers}}, messages_{runtime_, call{handler},
                                                            options_of(setup)},
        door_{runtime_, setup.socket}, load_{*setup.load} {}

  void submit(std::uint32_t key, std::uint32_t index) {
    const index_of_message message{index, load_.messages[index].is_shared};
    if (messages_.submit(key_index{key}, message) != submit_status::accepted)
      throw std::logic_error{"an open processor refused a message"};
  }

  void drain() { messages_.drain(); }

private:
  using processor_type = processor<key_index, index_of_message>;

  struct call {
    Handler& handler;
    void operator()(index_of_message& message) const { handler(message.index); }
  };

  static typename processor_type::options options_of(const strategy_setup& setup) {
    typename processor_type::options options;
    options.capacity = setup.capacity;
    make_watched(options, setup, "lanes");
    return options;
  }

  runtime runtime_;
  processor_type messages_;
  watched_door door_;
  const workload& load_;
};

} // namespace convoy::tool
