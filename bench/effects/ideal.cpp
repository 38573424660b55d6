#include "ideal.hpp"

#include "simulate/simulate.hpp"

#include <cstddef>

namespace convoy::effects {

tool::run simulate_ideal(const tool::workload& load, unsigned workers) {
  return tool::simulate(ideal_name, load, {.workers = workers});
}

tool::workload as_measured(tool::workload load, const tool::run& seen) {
  for (std::size_t i = 0; i < load.messages.size(); ++i)
    if (const tool::record& r = seen.records[i]; r.done >= 0)
      load.messages[i].service_ns = r.done - r.begun;
  return load;
}

} // namespace convoy::effects
