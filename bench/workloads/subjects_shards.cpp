#include "peers/floor.hpp"
#include "peers/shards.hpp"
#include "peers/swapped.hpp"
#include "workloads/feeding.hpp"
#include "workloads/latency.hpp"
#include "workloads/subjects.hpp"
#include "workloads/throughput.hpp"

#include <cstdlib>

namespace bench {
namespace {

template <template <class, class> class Subject>
void add_shards_of(const traits& t) {
  const throughput<Subject> shards(t);
  shards.base();
  shards.costs();
  shards.producers();
  shards.crowd();
  shards.sizes();
  shards.text_keys();
  shards.preload();
  add_feeding<Subject>(t);
  add_latency<Subject>(t);
}

} // namespace

void add_shards() {
  add_shards_of<static_shards_blocking>({.name = "static_shards_blocking"});
  add_shards_of<static_shards_spinning>({.name = "static_shards_spinning"});
  throughput<single_queue>({.name = "single_queue"}).base();
  const throughput<ticket_floor> floor({.name = "ticket_floor"});
  floor.base();
  floor.producers();
  floor.crowd();
  if (std::getenv("CONVOY_BENCH_SWAPPED") != nullptr) // for the test that it fails
    throughput<swapped>({.name = "swapped"}).base();
}

} // namespace bench
