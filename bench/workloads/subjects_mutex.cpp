#include "peers/mutex.hpp"
#include "workloads/feeding.hpp"
#include "workloads/latency.hpp"
#include "workloads/subjects.hpp"
#include "workloads/throughput.hpp"

namespace bench {

void add_mutex() {
  const traits t{.name = "mutex_lanes", .bytes_per_key = 256};
  const throughput<mutex_lanes> lanes(t);
  lanes.base();
  lanes.costs();
  lanes.producers();
  lanes.crowd();
  lanes.sizes();
  lanes.text_keys();
  lanes.preload();
  add_feeding<mutex_lanes>(t);
  add_latency<mutex_lanes>(t);

  throughput<mutex_lanes_deque>({.name = "mutex_lanes_deque", .bytes_per_key = 1'024}).base();
}

} // namespace bench
