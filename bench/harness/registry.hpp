#pragma once

// The list of benchmarks. Each subject registers itself for the workloads that suit it; they are run
// workload by workload, so that the subjects stand side by side.

#include <benchmark/benchmark.h>
#include <cstdint>
#include <functional>
#include <string>

namespace bench {

using body = std::function<void(benchmark::State&)>;

/// Named <workload>/<subject>/<parameters>.
void add(const std::string& workload, const std::string& subject, const std::string& parameters,
         body run);

/// A subject whose package was not there when the program was built: its benchmarks say so.
void add_missing(const std::string& subject, const std::string& package);

/// main(): hands the list to Google Benchmark and runs what the arguments select. 1 if anything
/// failed.
int run(int argc, char** argv);

/// Reports a run that went wrong; the program fails in the end.
void fail(benchmark::State& state, const std::string& why);

/// Worker threads of each subject: CONVOY_BENCH_WORKERS, or one for each core.
unsigned workers();

/// Bytes of memory that the machine has left.
std::uint64_t available_bytes();

} // namespace bench
