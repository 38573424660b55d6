#pragma once

// `lanes` where messages may be joint: each has a place in the lane of each of its keys.

#include "input/trace.hpp"
#include "strategies/strategy.hpp"
#include "strategies/watched.hpp"

#include <array>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <span>
#include <stdexcept>

namespace convoy::tool {

template <class Handler>
class joint_lanes {
public:
  joint_lanes(Handler& handler, const strategy_setup& setup)
      : runtime_{{.concurrency = setup.workers}}, messages_{runtime_, call{handler},
                                                            options_of(setup, handler)},
        door_{runtime_, setup.socket}, load_{*setup.load} {}

  void submit(std::uint32_t key, std::uint32_t index) {
    const message& m = load_.messages[index];
    if ((m.further_count == 0 ? messages_.submit(key_index{key}, index) : submit_joint(m, index)) !=
        submit_status::accepted)
      throw std::logic_error{"an open processor refused a message"};
  }

  void drain() { messages_.drain(); }

private:
  using processor_type = processor<key_index, std::uint32_t>;
  using keys = typename processor_type::joint;
  static_assert(most_keys_of_an_event == keys::most_keys);

  struct call {
    Handler& handler;
    void operator()(std::uint32_t& index) const { handler(index); }
  };

  static typename processor_type::options options_of(const strategy_setup& setup,
                                                     Handler& handler) {
    typename processor_type::options options;
    options.capacity = setup.capacity;
    options.joint = [&handler](keys&, std::uint32_t& index) { handler(index); };
    make_watched(options, setup, "lanes");
    return options;
  }

  submit_status submit_joint(const message& m, std::uint32_t index) {
    std::array<key_index, keys::most_keys> all{};
    std::size_t size = 0;
    load_.each_place(m, [&](place p) { all[size++] = key_index{p.key}; });
    return messages_.submit_joint(std::span<const key_index>{all.data(), size}, index);
  }

  runtime runtime_;
  processor_type messages_;
  watched_door door_;
  const workload& load_;
};

} // namespace convoy::tool
