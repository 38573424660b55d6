// convoy_costs: what Convoy and its peers cost beside time. A program of its own, because it counts
// every malloc. Names, options and variables are those of convoy_bench.

#include "costs/compile_time.hpp"
#include "costs/idle.hpp"
#include "costs/locked.hpp"
#include "costs/memory.hpp"
#include "peers/convoy.hpp"
#include "peers/mutex.hpp"
#include "peers/shards.hpp"
#ifdef CONVOY_BENCH_ASIO
#include "peers/asio.hpp"
#endif
#ifdef CONVOY_BENCH_TBB
#include "peers/tbb.hpp"
#endif
#ifdef CONVOY_BENCH_CAF
#include "peers/caf.hpp"
#endif

namespace bench {
namespace {

template <template <class, class> class Subject>
void add_costs(const traits& t) {
  add_memory<Subject>(t);
  add_locked<Subject>(t);
  add_idle<Subject>(t);
}

void add_all() {
  add_costs<convoy_processor>({.name = "convoy"});
  add_costs<convoy_with_state>({.name = "convoy_with_state", .bytes_per_key = 256});
  add_memory<convoy_bulk>({.name = "convoy_bulk"});
  add_locked<convoy_bulk>({.name = "convoy_bulk"});
  add_memory<convoy_executor>({.name = "convoy_executor"});
  add_locked<convoy_executor>({.name = "convoy_executor"});
  add_costs<mutex_lanes>({.name = "mutex_lanes", .bytes_per_key = 256});
#ifdef CONVOY_BENCH_ASIO
  add_costs<asio_strand>({.name = "asio_strand", .slow = true, .bytes_per_key = 512});
#else
  add_missing("asio_strand", "libboost-dev");
#endif
#ifdef CONVOY_BENCH_TBB
  add_locked<tbb_function_node>({.name = "tbb_function_node"});
  add_idle<tbb_function_node>({.name = "tbb_function_node", .bytes_per_key = 2'048});
  for (const auto* const what : {"bytes", "allocations"}) // would read far too low
    add(what, "tbb_function_node", what[0] == 'b' ? "many_keys" : "uniform_1000",
        [](benchmark::State& state) {
          state.SkipWithError("takes its memory from tbbmalloc, which does not count");
        });
#else
  add_missing("tbb_function_node", "libtbb-dev");
#endif
#ifdef CONVOY_BENCH_CAF
  add_costs<caf_actor>(
      {.name = "caf_actor", .slow = true, .slow_keys = true, .bytes_per_key = 2'048});
#else
  add_missing("caf_actor", "libcaf-dev (0.17)");
#endif
  add_costs<static_shards_blocking>({.name = "static_shards_blocking"});
  add_costs<static_shards_spinning>({.name = "static_shards_spinning"});
  add_compile_times();
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
  bench::add_all();
  bench::run_traced(argc, argv);
  return bench::run(argc, argv);
}
