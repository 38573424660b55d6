#pragma once

// `mutex`: what one writes without a library. A mutex and a queue per key, a flag that says the key
// is with the pool, and a pool that takes ready keys from one queue under a mutex and a condition
// variable and runs up to 64 messages of each.
//
// Two choices favour it. The keys are known, so its table is an array without a lock, which a
// service with arbitrary keys could not have. The queue is a vector with a cursor: std::deque takes
// 600 bytes for every key that ever had a message.
//
// A joint message stands in the queue of each of its keys. A worker that comes to it leaves that key
// there; the last one that comes runs it, and then all its keys go on. So it holds no worker that
// waits, but two threads that submit would need one more lock, or two joint messages could wait for
// each other: a replay submits them from one.

#include "strategies/slots.hpp"
#include "strategies/strategy.hpp"

#include <algorithm>
#include <atomic>
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
      : handler_{handler}, slots_{setup.capacity},
        lanes_(setup.keys), joint_{setup.load != nullptr && setup.load->has_joint() ? setup.load
                                                                                    : nullptr},
        arrived_(joint_ != nullptr ? joint_->messages.size() : 0) {
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
    put(lanes_[key], index);
    if (joint_ != nullptr)
      for (const place& p : joint_->further(joint_->messages[index]))
        put(lanes_[p.key], index);
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

  void put(lane& l, std::uint32_t index) {
    bool was_scheduled;
    {
      const std::scoped_lock lock{l.mutex};
      l.waiting.push_back(index);
      was_scheduled = std::exchange(l.scheduled, true);
    }
    if (!was_scheduled)
      make_ready(l);
  }

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
        l->take(batch, joint_ == nullptr ? quantum : until_joint(*l, quantum));
      }
      const bool ends_joint = is_joint(batch.back());
      const std::size_t single = batch.size() - (ends_joint ? 1 : 0);
      for (std::size_t i = 0; i < single; ++i)
        handler_(batch[i]);
      if (ends_joint)
        arrive(batch.back());
      else
        go_on(*l);
      slots_.release(single);
    }
  }

  /// What can be taken at once: no message behind a joint one. With the lane's mutex.
  [[nodiscard]] std::size_t until_joint(const lane& l, std::size_t quantum) const {
    std::size_t n = 1;
    while (n < quantum && l.next + n < l.waiting.size() && !is_joint(l.waiting[l.next + n - 1]))
      ++n;
    return n;
  }

  [[nodiscard]] bool is_joint(std::uint32_t index) const {
    return joint_ != nullptr && joint_->messages[index].further_count != 0;
  }

  /// It is its turn in one more of its keys.
  void arrive(std::uint32_t index) {
    const message& m = joint_->messages[index];
    if (arrived_[index].fetch_add(1, std::memory_order_acq_rel) < m.further_count)
      return;
    handler_(index);
    joint_->each_place(m, [this](place p) { go_on(lanes_[p.key]); });
    slots_.release(1);
  }

  void go_on(lane& l) {
    bool has_more;
    {
      const std::scoped_lock lock{l.mutex};
      has_more = l.scheduled = !l.waiting.empty();
    }
    if (has_more)
      make_ready(l);
  }

  Handler& handler_;
  slots slots_;
  std::vector<lane> lanes_;
  const workload* joint_;                          // null where no message is joint
  std::vector<std::atomic<std::uint8_t>> arrived_; // keys in which it is its turn, of each message
  std::mutex ready_mutex_;
  std::condition_variable ready_changed_;
  std::deque<lane*> ready_;
  bool stopping_ = false;
  std::vector<std::jthread> workers_; // last: they use all of the above
};

} // namespace convoy::tool
