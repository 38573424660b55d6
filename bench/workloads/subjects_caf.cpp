#include "peers/caf.hpp"
#include "workloads/feeding.hpp"
#include "workloads/latency.hpp"
#include "workloads/subjects.hpp"
#include "workloads/throughput.hpp"

namespace bench {

void add_caf() {
  const traits t{.name = "caf_actor", .slow = true, .slow_keys = true, .bytes_per_key = 2'048};
  const throughput<caf_actor> actors(t);
  actors.base();
  actors.costs();
  actors.producers();
  actors.preload();
  add_feeding<caf_actor>(t);
  add_latency<caf_actor>(t);
}

} // namespace bench
