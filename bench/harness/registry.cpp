#include "harness/registry.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <thread>
#include <utility>
#include <vector>

namespace bench {
namespace {

struct entry {
  std::string workload, subject, parameters;
  body run;
};

std::vector<entry> entries;
std::vector<std::pair<std::string, std::string>> missing; // subjects and packages
bool failed = false;

void register_all() {
  std::map<std::string, std::size_t> rank; // of workloads with their parameters, as first seen
  const auto rank_of = [&](const entry& e) {
    return rank.try_emplace(e.workload + '/' + e.parameters, rank.size()).first->second;
  };
  for (const auto& e : entries)
    rank_of(e);

  // What is missing is missing from everything that the first subject does.
  const auto all = entries;
  for (const auto& [subject, package] : missing)
    for (const auto& e : all)
      if (e.subject == all.front().subject)
        entries.push_back(
            {e.workload, subject, e.parameters, [package = package](benchmark::State& state) {
               state.SkipWithError(("package " + package + " not installed").c_str());
             }});

  std::stable_sort(entries.begin(), entries.end(),
                   [&](const entry& a, const entry& b) { return rank_of(a) < rank_of(b); });
  for (const auto& e : entries) {
    auto* const registered = benchmark::RegisterBenchmark(
        (e.workload + '/' + e.subject + '/' + e.parameters).c_str(), e.run);
    registered->UseManualTime()->Unit(benchmark::kMillisecond);
  }
}

} // namespace

void add(const std::string& workload, const std::string& subject, const std::string& parameters,
         body run) {
  entries.push_back({workload, subject, parameters, std::move(run)});
}

void add_missing(const std::string& subject, const std::string& package) {
  missing.emplace_back(subject, package);
}

void fail(benchmark::State& state, const std::string& why) {
  failed = true;
  state.SkipWithError(why.c_str());
}

int run(int argc, char** argv) {
  register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
  benchmark::AddCustomContext("workers", std::to_string(workers()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return failed ? 1 : 0;
}

unsigned workers() {
  static const auto count = [] {
    const char* const given = std::getenv("CONVOY_BENCH_WORKERS");
    const auto wanted =
        given != nullptr ? std::strtoul(given, nullptr, 10) : std::thread::hardware_concurrency();
    return static_cast<unsigned>(std::clamp<unsigned long>(wanted, 1, 256));
  }();
  return count;
}

std::uint64_t available_bytes() {
  std::ifstream info("/proc/meminfo");
  for (std::string word; info >> word;)
    if (std::uint64_t kilobytes = 0; word == "MemAvailable:" && info >> kilobytes)
      return kilobytes * 1024;
  return std::numeric_limits<std::uint64_t>::max();
}

} // namespace bench
