#pragma once

// The handler of a run with faults, and where its dead letters go: a probe that keeps the account
// of every message. As in probe.hpp nothing here orders one handler against another: what is
// kept of a message is plain, and only its lane hands it on.

#include "replay/probe.hpp"

#include <algorithm>
#include <atomic>
#include <convoy/failure.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace convoy::tool {

class fault_probe {
public:
  /// `poison` has an entry for each message.
  fault_probe(const workload& load, const std::vector<bool>& poison, service_kind service)
      : poison_{poison}, probe_{load, service, true}, fates_(load.messages.size()) {}

  [[nodiscard]] run_clock& clock() { return probe_.clock(); }

  /// Handles message `index`; poison takes as long as if it was not, and then fails.
  [[nodiscard]] outcome operator()(std::uint32_t index) {
    ++fates_[index].calls;
    if (poison_[index]) {
      probe_.fail(index);
      return outcome::retry;
    }
    probe_(index);
    return outcome::done;
  }

  /// Message `index` is dead, and is said to have been tried so often.
  void bury(std::uint32_t index, death why, unsigned attempts) {
    probe_.bury(index);
    fate& f = fates_[index];
    f.died = probe_.clock().now();
    f.why = why;
    f.attempts = attempts;
    ++f.letters;
    buried_.fetch_add(1, std::memory_order_relaxed); // only for the bar
  }

  /// About how much of the workload is done or dead, 0 to 1. Any thread.
  [[nodiscard]] double progress() const {
    const auto buried = static_cast<double>(buried_.load(std::memory_order_relaxed));
    const auto messages = static_cast<double>(std::max<std::size_t>(fates_.size(), 1));
    return std::min(1.0, probe_.progress() + buried / messages);
  }

  /// Writes stamps, findings and the account. After the processor is gone.
  void report_to(run& result) const {
    std::uint64_t failed_calls = 0;
    for (std::size_t i = 0; i < fates_.size(); ++i)
      failed_calls += poison_[i] ? fates_[i].calls : 0;
    probe_.report_to(result, failed_calls);
    result.faults.calls.resize(fates_.size());
    result.faults.why.resize(fates_.size());
    for (std::size_t i = 0; i < fates_.size(); ++i) {
      const fate& f = fates_[i];
      record& r = result.records[i];
      r.died = f.died;
      result.faults.calls[i] = f.calls;
      result.faults.why[i] = f.why;
      result.faults.miscounted += f.letters > 0 && f.attempts != f.calls;
      result.repeated += f.letters > (r.done >= 0 ? 0U : 1U);
    }
  }

private:
  struct fate {
    std::int64_t died = -1;
    std::uint32_t calls = 0;    ///< of the handler
    std::uint32_t attempts = 0; ///< as the dead letter tells
    std::uint32_t letters = 0;  ///< more than one would be a mistake of the library
    death why = death::failed;
  };

  const std::vector<bool>& poison_;
  probe probe_;
  std::vector<fate> fates_;
  std::atomic<std::uint64_t> buried_{0};
};

} // namespace convoy::tool
