#pragma once

// A reference, no peer: one fetch_add for each message, which it needs to be in order whoever submits,
// and 32 bytes that go from one core to another. No keys, no lanes, one consumer, which spins. What a
// queue that orders several producers by arrival does here when it does nothing else.

#include "harness/subject.hpp"
#include "peers/shards.hpp"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace bench {

template <class Key, class Message>
class ticket_floor {
public:
  ticket_floor(const setup& /*one consumer, whatever is asked*/, handler& handle)
      : handle_(handle), consumer_([this] { work(); }) {}
  ticket_floor(const ticket_floor&) = delete;
  ticket_floor& operator=(const ticket_floor&) = delete;
  ~ticket_floor() {
    Message stop{};
    stop.key = stop_key;
    submit({}, stop);
    consumer_.join();
  }

  void submit(const Key& key, const Message& m) {
    const auto ticket = next_.fetch_add(1);
    while (ticket - consumed_.load(std::memory_order_acquire) >= size)
      [[unlikely]] std::this_thread::yield();
    prefetch_for_writing(&cells_[(ticket + 12) % size]);
    auto& at = cells_[ticket % size];
    at.key = key;
    at.message = m;
    at.published.store(ticket + 1, std::memory_order_release);
  }

private:
  static constexpr std::uint32_t stop_key = ~std::uint32_t{0};
  static constexpr std::uint64_t size = 1 << 16;

  struct cell {
    std::atomic<std::uint64_t> published{0};
    Key key{};
    Message message{};
  };

  static void prefetch_for_writing(const cell* at) noexcept {
#if defined(__x86_64__)
    asm volatile("prefetchw %0" : : "m"(*at)); // the builtin only reads
#else
    __builtin_prefetch(at, 1);
#endif
  }

  void work() {
    unsigned tries = 0;
    for (std::uint64_t ticket = 0;;) {
      const auto& at = cells_[ticket % size];
      if (at.published.load(std::memory_order_acquire) == ticket + 1) {
        if (at.message.key == stop_key)
          return;
        handle_(at.message);
        if (++ticket % 256 == 0)
          consumed_.store(ticket, std::memory_order_release);
      } else if (++tries % 64 == 0) {
        std::this_thread::yield();
      } else {
        relax();
      }
    }
  }

  handler& handle_;
  std::vector<cell> cells_ = std::vector<cell>(size);
  alignas(128) std::atomic<std::uint64_t> next_{0};
  alignas(128) std::atomic<std::uint64_t> consumed_{0};
  alignas(128) std::thread consumer_;
};

} // namespace bench
