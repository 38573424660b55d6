#pragma once

// `mutex`: what one writes without a library. A mutex and a queue per key, a flag that says the key
// is with the pool, and a pool that takes ready keys from one queue under a mutex and a condition
// variable and runs up to 64 messages of each.
//
// Two choices favour it. The keys are known, so its table is an array without a lock, which a
// service with arbitrary keys could not have. The queue is a vector with a cursor: std::deque takes
// 600 bytes for every key that ever had a message.

#include "strategies/slots.hpp"
#include "strategies/strategy.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace convoy::tool {

template <class Handler>
class mutex_lanes {
public:
  mutex_lanes(Handler& handler, const strategy_setup& setup)
      : handler_{handler}, slots_{setup.capacity}, lanes_(setup.keys) {
    const std::size_t quantum = slots_.release_batch(setup.workers);
    try {
      for (unsigned i = 0; i < setup.workers; ++i)
        workers_.emplace_back([this, quantum] { work(quantum); });
    } catch (...) { // those that did start would wait for ever, and whoever joins them too
      stop();
      throw;
    }
  }

  mutex_lanes(const mutex_lanes&) = delete;
  mutex_lanes& operator=(const mutex_lanes&) = delete;

  ~mutex_lanes() {
    drain();
    stop();
  }

  void submit(std::uint32_t key, std::uint32_t index) noexcept { // out of memory ends the program
    slots_.acquire();
    lane& l = lanes_[key];
    bool was_scheduled;
    {
      const std::scoped_lock lock{l.mutex};
      l.waiting.push_back(index);
      was_scheduled = std::exchange(l.scheduled, true);
    }
    if (!was_scheduled)
      make_ready(l);
  }

  void drain() { slots_.wait_until_all_free(); }

private:
  struct lane {
    std::mutex mutex;
    std::vector<std::uint32_t> waiting; // from `next` on
    std::size_t next = 0;
    bool scheduled = false; // in the ready queue or with a worker

    /// Moves up to `quantum` messages out. O(1) per message: what was taken is erased when it is
    /// half of the vector.
    void take(std::vector<std::uint32_t>& batch, std::size_t quantum) {
      const auto from = waiting.begin() + static_cast<std::ptrdiff_t>(next);
      const std::size_t n = std::min(quantum, waiting.size() - next);
      batch.assign(from, from + static_cast<std::ptrdiff_t>(n));
      next += n;
      if (next * 2 >= waiting.size()) {
        waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(next));
        next = 0;
      }
    }
  };

  void stop() {
    {
      const std::scoped_lock lock{ready_mutex_};
      stopping_ = true;
    }
    ready_changed_.notify_all();
  }

  void make_ready(lane& l) {
    {
      const std::scoped_lock lock{ready_mutex_};
      ready_.push_back(&l);
    }
    ready_changed_.notify_one();
  }

  /// The lane that has been ready longest; nullptr when there will be none.
  lane* next_ready() {
    std::unique_lock lock{ready_mutex_};
    ready_changed_.wait(lock, [this] { return !ready_.empty() || stopping_; });
    if (ready_.empty())
      return nullptr;
    lane* l = ready_.front();
    ready_.pop_front();
    return l;
  }

  void work(std::size_t quantum) {
    std::vector<std::uint32_t> batch;
    while (lane* l = next_ready()) {
      {
        const std::scoped_lock lock{l->mutex};
        l->take(batch, quantum);
      }
      for (const std::uint32_t index : batch)
        handler_(index);
      bool has_more;
      {
        const std::scoped_lock lock{l->mutex};
        has_more = l->scheduled = !l->waiting.empty();
      }
      if (has_more)
        make_ready(*l);
      slots_.release(batch.size());
    }
  }

  Handler& handler_;
  slots slots_;
  std::vector<lane> lanes_;
  std::mutex ready_mutex_;
  std::condition_variable ready_changed_;
  std::deque<lane*> ready_;
  bool stopping_ = false;
  std::vector<std::jthread> workers_; // last: they use all of the above
};

} // namespace convoy::tool
