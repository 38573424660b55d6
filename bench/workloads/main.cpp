// convoy_bench: Convoy and its peers, side by side. Options are Google Benchmark's, and two
// variables: CONVOY_BENCH_WORKERS and CONVOY_BENCH_MESSAGES (see README.md).

#include "harness/registry.hpp"
#include "workloads/subjects.hpp"

int main(int argc, char** argv) {
  bench::add_convoy();
  bench::add_mutex();
#ifdef CONVOY_BENCH_ASIO
  bench::add_asio();
#else
  bench::add_missing("asio_strand", "libboost-dev");
#endif
#ifdef CONVOY_BENCH_TBB
  bench::add_tbb();
#else
  bench::add_missing("tbb_function_node", "libtbb-dev");
  bench::add_missing("tbb_unordered", "libtbb-dev");
#endif
#ifdef CONVOY_BENCH_CAF
  bench::add_caf();
#else
  bench::add_missing("caf_actor", "libcaf-dev (0.17)");
#endif
  bench::add_shards();
  return bench::run(argc, argv);
}
