#include "ideal.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

namespace convoy::effects {
namespace {

class simulation {
public:
  simulation(const tool::workload& load, unsigned workers)
      : load_{load}, idle_workers_{workers}, waiting_(load.keys.size()), busy_(load.keys.size()),
        records_(load.messages.size()) {}

  std::vector<tool::record> run() && {
    std::uint32_t next = 0;
    const auto n = static_cast<std::uint32_t>(load_.messages.size());
    while (next < n || !running_.empty()) {
      constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
      const std::int64_t arrival = next < n ? load_.messages[next].arrival_ns : never;
      const std::int64_t end = running_.empty() ? never : running_.top().first;
      now_ = std::min(arrival, end);
      if (end <= arrival)
        finish();
      else
        arrive(next++);
      begin_ready();
    }
    return std::move(records_);
  }

private:
  void arrive(std::uint32_t index) {
    records_[index].intended = records_[index].accepted = now_;
    const std::uint32_t key = load_.messages[index].key;
    if (busy_[key])
      waiting_[key].push_back(index);
    else
      ready_.push(index);
    busy_[key] = true;
  }

  void begin_ready() {
    for (; idle_workers_ > 0 && !ready_.empty(); --idle_workers_) {
      const std::uint32_t index = ready_.top();
      ready_.pop();
      records_[index].begun = now_;
      running_.emplace(now_ + load_.messages[index].service_ns, index);
    }
  }

  void finish() {
    const std::uint32_t index = running_.top().second;
    running_.pop();
    ++idle_workers_;
    records_[index].done = now_;
    const std::uint32_t key = load_.messages[index].key;
    std::deque<std::uint32_t>& behind = waiting_[key];
    busy_[key] = !behind.empty();
    if (!behind.empty()) {
      ready_.push(behind.front());
      behind.pop_front();
    }
  }

  using ending = std::pair<std::int64_t, std::uint32_t>; // when, which message
  const tool::workload& load_;
  unsigned idle_workers_;
  std::int64_t now_ = 0;
  std::vector<std::deque<std::uint32_t>> waiting_; // of each key, behind its head
  std::vector<bool> busy_;                         // the key has a message that is ready or runs
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>>
      ready_; // first come
  std::priority_queue<ending, std::vector<ending>, std::greater<>> running_;
  std::vector<tool::record> records_;
};

} // namespace

tool::run simulate_ideal(const tool::workload& load, unsigned workers) {
  tool::run result;
  result.strategy = ideal_name;
  result.workers = workers;
  result.keeps_order = true;
  result.records = simulation{load, workers}.run();
  return result;
}

tool::workload as_measured(tool::workload load, const tool::run& seen) {
  for (std::size_t i = 0; i < load.messages.size(); ++i)
    if (const tool::record& r = seen.records[i]; r.done >= 0)
      load.messages[i].service_ns = r.done - r.begun;
  return load;
}

} // namespace convoy::effects
