#pragma once

// A core for models of lanes alone, whose handlers are the model's own.

#include "convoy/convoy.hpp"

#include <utility>

namespace model {

template <class Core>
[[nodiscard]] Core bare_core(decltype(Core::scheduler) scheduler,
                             decltype(Core::options) options = {}) {
  return {.scheduler = scheduler,
          .options = std::move(options),
          .hash_of = {},
          .equal = {},
          .handler = nullptr,
          .owner = nullptr,
          .run_lane = nullptr,
          .run_inline = nullptr,
          .run_lane_carefully = nullptr,
          .handles_failures = true,
          .hands_out_parts = false,
          .is_watched = false,
          .make_resumer = nullptr,
          .failures = {{}, {}, nullptr}};
}

} // namespace model
