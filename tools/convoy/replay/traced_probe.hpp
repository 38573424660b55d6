#pragma once

// Probes that also note which worker ran each message. They are wrapped, so that a run that nobody
// wants a trace of has nothing of it.

#include "replay/fault_probe.hpp"
#include "replay/probe.hpp"
#include "replay/replay.hpp"

#include <atomic>
#include <convoy/failure.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace convoy::tool {

/// Numbers the threads that ask, 0, 1, 2, … Thread safe; a thread may outlive it.
class thread_numbers {
public:
  [[nodiscard]] std::uint32_t of_this_thread() {
    thread_local struct {
      std::uint64_t asked = 0; // id_ of whom
      std::uint32_t number = 0;
    } mine;
    if (mine.asked != id_)
      mine = {id_, next_.fetch_add(1, std::memory_order_relaxed)};
    return mine.number;
  }

private:
  static inline std::atomic<std::uint64_t> ids{0};

  const std::uint64_t id_ = ids.fetch_add(1, std::memory_order_relaxed) + 1;
  std::atomic<std::uint32_t> next_{0};
};

class traced_probe {
public:
  traced_probe(const workload& load, service_kind service, bool keeps_order)
      : probe_{load, service, keeps_order}, workers_(load.messages.size()) {}

  [[nodiscard]] run_clock& clock() { return probe_.clock(); }
  [[nodiscard]] double progress() const { return probe_.progress(); }

  void operator()(std::uint32_t index) {
    workers_[index] = numbers_.of_this_thread();
    probe_(index);
  }

  void merge(std::uint32_t waiting, std::uint32_t next) { probe_.merge(waiting, next); }

  void report_to(run& result) {
    probe_.report_to(result);
    result.seen.workers = std::move(workers_);
  }

private:
  probe probe_;
  thread_numbers numbers_;
  std::vector<std::uint32_t> workers_;
};

/// Of a run with faults: each attempt that fails is noted, too. As in fault_probe.hpp what is kept of
/// a message is plain, and only its lane hands it on.
class traced_fault_probe {
public:
  traced_fault_probe(const workload& load, const std::vector<bool>& poison, service_kind service)
      : probe_{load, poison, service}, workers_(load.messages.size()),
        failed_(load.messages.size()) {}

  [[nodiscard]] run_clock& clock() { return probe_.clock(); }
  [[nodiscard]] double progress() const { return probe_.progress(); }

  [[nodiscard]] outcome operator()(std::uint32_t index) {
    const std::uint32_t worker = workers_[index] = numbers_.of_this_thread();
    const std::int64_t begun = probe_.clock().now();
    outcome is = probe_(index);
    if (is.what() == outcome::kind::retry)
      failed_[index].push_back({begun, probe_.clock().now(), worker});
    return is;
  }

  void bury(std::uint32_t index, death why, unsigned attempts) {
    probe_.bury(index, why, attempts);
  }

  void report_to(run& result) {
    probe_.report_to(result);
    result.seen.workers = std::move(workers_);
    result.seen.failed = std::move(failed_);
  }

private:
  fault_probe probe_;
  thread_numbers numbers_;
  std::vector<std::uint32_t> workers_;
  std::vector<std::vector<failed_call>> failed_;
};

} // namespace convoy::tool
