#pragma once

// What most people write: a mutex and the waiting messages per key; keys with work queue for a pool
// of threads. A visit takes all that waits, so that a busy key costs a lock per message and two per
// visit.

#include "harness/subject.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

template <template <class> class List, class Key, class Message>
class lanes_with_mutex {
public:
  lanes_with_mutex(const setup& s, handler& handle)
      : handle_(handle), lanes_(s, [] { return in_place{[] { return lane(); }}; }) {
    for (unsigned i = 0; i < s.workers; ++i)
      threads_.emplace_back([this] { work(); });
  }
  lanes_with_mutex(const lanes_with_mutex&) = delete;
  lanes_with_mutex& operator=(const lanes_with_mutex&) = delete;
  ~lanes_with_mutex() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_)
      thread.join();
  }

  void submit(const Key& key, const Message& m) {
    auto& mine = lanes_[key];
    {
      const std::lock_guard lock(mine.mutex);
      mine.waiting.push_back(m);
      if (mine.scheduled)
        return;
      mine.scheduled = true;
    }
    {
      const std::lock_guard lock(mutex_);
      ready_.push_back(&mine);
    }
    changed_.notify_one();
  }

  void drain() {
    std::unique_lock lock(mutex_);
    drained_.wait(lock, [this] { return ready_.empty() && running_ == 0; });
  }

private:
  struct lane {
    std::mutex mutex;
    List<Message> waiting;
    bool scheduled = false;
  };

  void work() {
    List<Message> batch;
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stop_ || !ready_.empty(); });
      if (ready_.empty())
        return;
      auto& next = *ready_.front();
      ready_.pop_front();
      ++running_;
      lock.unlock();
      const bool more = run(next, batch);
      lock.lock();
      if (more)
        ready_.push_back(&next);
      if (--running_ == 0 && ready_.empty())
        drained_.notify_all();
    }
  }

  /// True if more came meanwhile.
  bool run(lane& mine, List<Message>& batch) {
    {
      const std::lock_guard lock(mine.mutex);
      batch.swap(mine.waiting);
    }
    for (auto& m : batch)
      handle_(m);
    batch.clear();
    const std::lock_guard lock(mine.mutex);
    mine.scheduled = !mine.waiting.empty();
    return mine.scheduled;
  }

  handler& handle_;
  directory<Key, lane> lanes_;
  std::mutex mutex_;
  std::condition_variable changed_, drained_;
  std::deque<lane*> ready_;
  unsigned running_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

template <class Message>
using vector_of = std::vector<Message>;
template <class Message>
using deque_of = std::deque<Message>;

/// Vectors that change places and keep their memory: nothing is allocated in the long run.
template <class Key, class Message>
using mutex_lanes = lanes_with_mutex<vector_of, Key, Message>;

/// The first thing that comes to mind. A deque takes 576 bytes even if nothing is in it.
template <class Key, class Message>
using mutex_lanes_deque = lanes_with_mutex<deque_of, Key, Message>;

} // namespace bench
