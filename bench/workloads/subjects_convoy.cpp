#include "peers/convoy.hpp"
#include "workloads/feeding.hpp"
#include "workloads/latency.hpp"
#include "workloads/subjects.hpp"
#include "workloads/throughput.hpp"

namespace bench {

void add_convoy() {
  const traits t{.name = "convoy"};
  const throughput<convoy_processor> processor(t);
  processor.base();
  processor.costs();
  processor.producers();
  processor.crowd();
  processor.sizes();
  processor.text_keys();
  processor.preload();
  add_feeding<convoy_processor>(t);
  add_latency<convoy_processor>(t);

  const throughput<convoy_bulk> bulk({.name = "convoy_bulk"});
  bulk.base();
  bulk.producers();
  bulk.sizes();
  bulk.preload();
  throughput<convoy_bulk_1024>({.name = "convoy_bulk_1024"}).base();

  const throughput<convoy_executor> executor({.name = "convoy_executor"});
  executor.base();
  executor.sizes();
  executor.text_keys();
}

} // namespace bench
