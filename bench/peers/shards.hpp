#pragma once

// hash(key) -> thread, a moodycamel queue for each. No stealing, and keys convoy behind each other.
// Order holds per producer only. The queue's fast paths are used: a token for each producer and
// consumer, and up to 64 messages taken at a time.

#include "harness/subject.hpp"

#include <atomic>
#include <blockingconcurrentqueue.h>
#include <concurrentqueue.h>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace bench {

inline void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

/// Sleeps when its queue is empty: the producer pays a semaphore for each message.
template <class Message>
struct blocking_queue : moodycamel::BlockingConcurrentQueue<Message> {
  std::size_t take(moodycamel::ConsumerToken& token, Message* to, std::size_t most) {
    return this->wait_dequeue_bulk(token, to, most);
  }
};

/// Never sleeps. Yields after a while without messages: where threads outnumber cores, spinning on
/// would keep the producer from its core.
template <class Message>
struct spinning_queue : moodycamel::ConcurrentQueue<Message> {
  std::size_t take(moodycamel::ConsumerToken& token, Message* to, std::size_t most) {
    for (unsigned tries = 1;; ++tries) {
      if (const auto n = this->try_dequeue_bulk(token, to, most); n > 0)
        return n;
      if (tries % 64 == 0)
        std::this_thread::yield();
      else
        relax();
    }
  }
};

template <template <class> class Queue, class Key, class Message>
class static_shards {
public:
  static_shards(const setup& s, handler& handle) : handle_(handle) {
    for (unsigned i = 0; i < s.workers; ++i)
      shards_.push_back(std::make_unique<Queue<Message>>());
    for (auto& shard : shards_)
      threads_.emplace_back([this, &queue = *shard] { work(queue); });
  }
  static_shards(const static_shards&) = delete;
  static_shards& operator=(const static_shards&) = delete;
  ~static_shards() {
    Message stop{};
    stop.key = stop_key;
    for (auto& shard : shards_)
      shard->enqueue(stop);
    for (auto& thread : threads_)
      thread.join();
  }

  void submit(const Key& key, const Message& m) { shards_[shard_of(key)]->enqueue(m); }

  class producer_type {
  public:
    explicit producer_type(static_shards& to) : to_(to) {
      for (auto& shard : to.shards_)
        tokens_.emplace_back(*shard);
    }
    void submit(const Key& key, const Message& m) {
      const auto shard = to_.shard_of(key);
      to_.shards_[shard]->enqueue(tokens_[shard], m);
    }

  private:
    static_shards& to_;
    std::vector<moodycamel::ProducerToken> tokens_;
  };
  producer_type producer() { return producer_type(*this); }

private:
  static constexpr std::uint32_t stop_key = ~std::uint32_t{0};

  std::size_t shard_of(const Key& key) const {
    const auto hash = std::hash<Key>()(key) * 0x9E3779B97F4A7C15; // an integer hashes to itself
    return ((hash >> 32) * shards_.size()) >> 32;
  }

  void work(Queue<Message>& queue) {
    moodycamel::ConsumerToken token(queue);
    std::vector<Message> batch(64);
    for (bool stop = false; !stop;) {
      const auto n = queue.take(token, batch.data(), batch.size());
      for (std::size_t i = 0; i < n; ++i)
        if (batch[i].key == stop_key)
          stop = true;
        else
          handle_(batch[i]);
    }
  }

  handler& handle_;
  std::vector<std::unique_ptr<Queue<Message>>> shards_;
  std::vector<std::thread> threads_;
};

template <class Key, class Message>
using static_shards_blocking = static_shards<blocking_queue, Key, Message>;
template <class Key, class Message>
using static_shards_spinning = static_shards<spinning_queue, Key, Message>;

/// One queue and one consumer: order without parallelism.
template <class Key, class Message>
class single_queue : public static_shards_blocking<Key, Message> {
public:
  single_queue(const setup& s, handler& handle)
      : static_shards_blocking<Key, Message>(setup{1, s.producers, s.keys, s.long_text}, handle) {}
};

} // namespace bench
