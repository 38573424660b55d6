// convoy_bench: Convoy and its peers, side by side. Options are Google Benchmark's, and two
// variables: CONVOY_BENCH_WORKERS, CONVOY_BENCH_MESSAGES (see README.md).

#include "registry.hpp"
#include "subjects.hpp"

int main(int argc, char** argv) {
  bench::add_convoy();
  bench::add_mutex();
  bench::add_shards();
  bench::register_all();

  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
  benchmark::AddCustomContext("workers", std::to_string(bench::workers()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return bench::has_failed() ? 1 : 0;
}
