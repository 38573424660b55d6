#include "peers_mutex.hpp"
#include "subjects.hpp"
#include "throughput.hpp"

namespace bench {

void add_mutex() {
  const throughput<mutex_lanes> lanes({.name = "mutex_lanes", .bytes_per_key = 256});
  lanes.base();
  lanes.costs();
  lanes.producers();
  lanes.sizes();
  lanes.text_keys();
  lanes.preload();
}

} // namespace bench
