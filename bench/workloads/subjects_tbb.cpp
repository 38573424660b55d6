#include "peers/tbb.hpp"
#include "workloads/feeding.hpp"
#include "workloads/latency.hpp"
#include "workloads/subjects.hpp"
#include "workloads/throughput.hpp"

namespace bench {

void add_tbb() {
  const traits t{.name = "tbb_function_node", .bytes_per_key = 2'048};
  const throughput<tbb_function_node> nodes(t);
  nodes.base();
  nodes.costs();
  nodes.producers();
  nodes.preload();
  add_feeding<tbb_function_node>(t);
  add_latency<tbb_function_node>(t);

  const throughput<tbb_unordered> pool({.name = "tbb_unordered", .keeps_order = false});
  pool.base();
  pool.costs();
  pool.preload();
}

} // namespace bench
