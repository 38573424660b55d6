#pragma once

// What most people write: a mutex and a list of waiting messages per key; keys with work queue for
// a pool of threads. A visit takes all that waits, so that a busy key costs one lock per message
// and a visit one more. Two vectors change places instead of a deque that allocates.

#include "subject.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

template <class Key, class Message>
class mutex_lanes {
public:
  mutex_lanes(const setup& s, handler& handle)
      : handle_(handle), lanes_(s, [] { return in_place{[] { return lane(); }}; }) {
    for (unsigned i = 0; i < s.workers; ++i)
      threads_.emplace_back([this] { work(); });
  }
  mutex_lanes(const mutex_lanes&) = delete;
  mutex_lanes& operator=(const mutex_lanes&) = delete;
  ~mutex_lanes() {
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
    std::vector<Message> waiting;
    bool scheduled = false;
  };

  void work() {
    std::vector<Message> batch;
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
  bool run(lane& mine, std::vector<Message>& batch) {
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

} // namespace bench
