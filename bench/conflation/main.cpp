// convoy_conflation: how old is what a hot key handles? Its messages come twice as fast as they can be handled, one
// after the other: either each is handled, or what waits is merged. Ages count from when the first of what was
// merged was to be submitted to the end of the handler, in service times.

#include "harness/registry.hpp"

#include <algorithm>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto service = 1ms;
constexpr auto gap = std::chrono::microseconds(service) / 2;

struct quote {
  clock::time_point first, last; ///< when they were to be submitted
};
using quotes = convoy::processor<int, quote>;

double in_services(clock::duration time) {
  return std::chrono::duration<double>(time) / std::chrono::duration<double>(service);
}

double at_rank(std::vector<double> of, std::size_t percent) {
  const auto at = of.begin() + static_cast<std::ptrdiff_t>((of.size() - 1) * percent / 100);
  std::nth_element(of.begin(), at, of.end());
  return *at;
}

void overload(benchmark::State& state, bool conflates) {
  const auto* const given = std::getenv("CONVOY_BENCH_MESSAGES");
  const int messages = std::min(given != nullptr ? std::stoi(given) / 10 : 4'000, 4'000);
  for (auto _ : state) {
    std::vector<double> ages, freshest, services;
    convoy::runtime rt{{.concurrency = workers()}};
    quotes::options options;
    if (conflates)
      options.conflate = [](quote& waiting, quote& next) { waiting.last = next.last; };
    quotes p{rt,
             [&](quote& q) {
               const auto begin = clock::now();
               std::this_thread::sleep_until(begin + service);
               const auto end = clock::now();
               ages.push_back(in_services(end - q.first));
               freshest.push_back(in_services(end - q.last));
               services.push_back(in_services(end - begin));
             },
             options};
    const auto begin = clock::now();
    bool complete = true;
    for (int i = 0; i < messages; ++i) {
      const auto due = begin + i * gap;
      std::this_thread::sleep_until(due);
      complete &= p.submit(0, {due, due}) == convoy::submit_status::accepted;
    }
    const auto account = p.shutdown(1h);
    state.SetIterationTime(std::chrono::duration<double>(clock::now() - begin).count());
    if (!complete || !account.balanced() || account.completed != ages.size())
      return fail(state, "the account does not hold");
    state.counters["age_p50"] = at_rank(ages, 50);
    state.counters["age_p99"] = at_rank(ages, 99);
    state.counters["latest_p99"] = at_rank(freshest, 99);
    state.counters["service_p99"] = at_rank(services, 99); // what a sleep of one really takes
    state.counters["handled_share"] = static_cast<double>(account.completed) / messages;
  }
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
  for (const bool conflates : {false, true})
    bench::add("hot_key_at_twice_its_rate", "convoy", conflates ? "conflating" : "one_by_one",
               [conflates](benchmark::State& state) { bench::overload(state, conflates); });
  return bench::run(argc, argv);
}
