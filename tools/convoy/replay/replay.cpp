#include "replay/replay.hpp"

#include "replay/fault_probe.hpp"
#include "replay/probe.hpp"
#include "replay/progress.hpp"
#include "replay/shared_order.hpp"
#include "replay/traced_probe.hpp"
#include "strategies/failing_lanes.hpp"
#include "strategies/joint_lanes.hpp"
#include "strategies/lanes.hpp"
#include "strategies/mutex.hpp"
#include "strategies/queues.hpp"
#include "strategies/shared_lanes.hpp"
#include "strategies/watched.hpp"
#include "text/input_error.hpp"

#include <cstdint>
#include <future>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace convoy::tool {
namespace {

/// The messages of each producer, in order. A key belongs to one producer, so that its order is
/// well defined.
std::vector<std::vector<std::uint32_t>> share_out(const workload& load, unsigned producers) {
  std::vector<std::vector<std::uint32_t>> shares(producers);
  for (std::uint32_t i = 0; i < load.messages.size(); ++i)
    shares[load.messages[i].key % producers].push_back(i);
  return shares;
}

/// Submits a producer's messages and takes the stamps of its side. A closed producer is always late
/// for the next message: it was meant to be submitted when the one before had been.
template <class Strategy>
void produce(Strategy& subject, const workload& load, const std::vector<std::uint32_t>& share,
             const run_clock& clock, std::vector<record>& records) {
  std::int64_t previous_accepted = 0;
  for (const std::uint32_t index : share) {
    const message& m = load.messages[index];
    if (!load.closed)
      clock.wait_until(m.arrival_ns);
    subject.submit(m.key, index);
    record& r = records[index];
    r.intended = load.closed ? previous_accepted : m.arrival_ns;
    previous_accepted = r.accepted = clock.now();
  }
}

/// Starts the clock and submits everything, each producer from a thread of its own.
template <class Strategy>
void produce_all(Strategy& subject, const workload& load, unsigned count, run_clock& clock,
                 std::vector<record>& records) {
  const auto shares = share_out(load, count);
  std::vector<std::future<void>> producers;
  producers.reserve(shares.size());
  // Goes before the producers: where one cannot be started, the others find the promise broken and
  // end, and whoever joins them does not wait for ever.
  std::promise<void> start;
  const std::shared_future<void> started = start.get_future().share();
  for (const auto& share : shares)
    producers.push_back(std::async(std::launch::async, [&, started] {
      started.get();
      produce(subject, load, share, clock, records);
    }));
  clock.start();
  start.set_value();
  for (auto& producer : producers)
    producer.get();
}

run new_run(const workload& load, const strategy_traits& traits, unsigned workers) {
  run result;
  result.strategy = traits.name;
  result.workers = workers;
  result.keeps_order = traits.keeps_order;
  result.records.resize(load.messages.size());
  return result;
}

template <class Probe, template <class> class Strategy>
run run_through(const workload& load, const strategy_traits& traits, const replay_options& options,
                unsigned workers) {
  run result = new_run(load, traits, workers);
  Probe handler{load, options.service, traits.keeps_order};
  {
    Strategy<Probe> subject{handler,
                            {workers, options.capacity, load.keys.size(), options.socket,
                             &load.keys, options.conflates, &load}};
    const progress_bar bar{traits.name, [&] { return handler.progress(); }, options.shows_progress};
    produce_all(subject, load, options.producers, handler.clock(), result.records);
    subject.drain();
  }
  handler.report_to(result);
  return result;
}

template <template <class> class Strategy>
run run_with(const workload& load, const strategy_traits& traits, const replay_options& options,
             unsigned workers) {
  return options.traces ? run_through<traced_probe, Strategy>(load, traits, options, workers)
                        : run_through<probe, Strategy>(load, traits, options, workers);
}

/// What the probe says of order is about keys whose messages are handled one at a time: here the time
/// stamps say it.
template <class Probe>
run run_shared(const workload& load, const replay_options& options) {
  run result = new_run(load, traits_of(strategy::lanes), options.workers);
  result.shares = true;
  Probe handler{load, options.service, false};
  {
    shared_lanes<Probe> subject{handler,
                                {options.workers, options.capacity, load.keys.size(),
                                 options.socket, &load.keys, false, &load}};
    const progress_bar bar{result.strategy, [&] { return handler.progress(); },
                           options.shows_progress};
    produce_all(subject, load, options.producers, handler.clock(), result.records);
    subject.drain();
  }
  handler.report_to(result);
  result.overlaps = 0;
  result.order_violations = shared_order_violations(load, result.records);
  return result;
}

template <class Probe>
run run_failing(std::string_view name, const workload& load, const std::vector<bool>& poison,
                const failure_policy& policy, const replay_options& options) {
  run result = new_run(load, traits_of(strategy::lanes), options.workers);
  result.strategy = name;
  Probe handler{load, poison, options.service};
  {
    failing_lanes<Probe> subject{
        handler,
        {options.workers, options.capacity, load.keys.size(), options.socket, &load.keys},
        policy};
    const progress_bar bar{name, [&] { return handler.progress(); }, options.shows_progress};
    produce_all(subject, load, options.producers, handler.clock(), result.records);
    subject.end();
  }
  handler.report_to(result);
  return result;
}

/// With the number of threads that there was no room for.
std::system_error cannot_start(const std::system_error& error, strategy id,
                               const replay_options& options) {
  return {error.code(), "cannot start " + std::to_string(options.workers + options.producers) +
                            " threads for " + std::string{traits_of(id).name}};
}

} // namespace

void check_socket(const std::string& path) {
  if (path.empty())
    throw input_error{"--socket: the path is empty"};
  runtime nothing{{.concurrency = 1}};
  watched_door{}.open(nothing, path);
}

run replay(const workload& load, strategy id, const replay_options& options) try {
  const strategy_traits& traits = traits_of(id);
  switch (id) {
  case strategy::lanes:
    if (load.has_shared)
      return options.traces ? run_shared<traced_probe>(load, options)
                            : run_shared<probe>(load, options);
    if (load.has_joint())
      return run_with<joint_lanes>(load, traits, options, options.workers);
    return run_with<convoy_lanes>(load, traits, options, options.workers);
  case strategy::single:
    return run_with<single_queue>(load, traits, options, 1);
  case strategy::unordered:
    return run_with<shared_queue>(load, traits, options, options.workers);
  case strategy::shards:
    return run_with<sharded_queues>(load, traits, options, options.workers);
  case strategy::mutex:
    return run_with<mutex_lanes>(load, traits, options, options.workers);
  }
  __builtin_unreachable();
} catch (const std::system_error& error) {
  throw cannot_start(error, id, options);
}

run replay_failing(std::string_view name, const workload& load, const std::vector<bool>& poison,
                   const failure_policy& policy, const replay_options& options) try {
  return options.traces ? run_failing<traced_fault_probe>(name, load, poison, policy, options)
                        : run_failing<fault_probe>(name, load, poison, policy, options);
} catch (const std::system_error& error) {
  throw cannot_start(error, strategy::lanes, options);
}

} // namespace convoy::tool
