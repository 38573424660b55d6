#pragma once

// What completes what handlers wait for.

#include "oracle.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <utility>

namespace convoy::test {

/// What waits for other threads, a place for each key. They share no lock and no queue: an edge between two handlers
/// of a key is the library's.
template <std::size_t Keys>
class other_threads {
public:
  other_threads() {
    for (std::size_t i = 0; i < threads_.size(); ++i)
      threads_[i] = std::thread([this, i] { run(seed() + i); });
  }
  other_threads(const other_threads&) = delete;
  other_threads& operator=(const other_threads&) = delete;
  ~other_threads() {
    over_ = true;
    for (auto& each : threads_)
      each.join();
    for (auto& each : places_) // long after all that they could touch
      complete(each.waiting);
  }

  struct awaits_a_thread { // as another library would
    std::atomic<void*>& handle;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) const noexcept {
      handle.store(h.address(), std::memory_order_release);
    }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] awaits_a_thread resumed(std::uint32_t key) { return {places_[key].handle}; }

  /// Completed some time later; at the latest when the key's next one is here.
  void take(std::uint32_t key, convoy::completion<std::uint32_t> done, std::uint32_t value) {
    auto* late = places_[key].waiting.exchange(new call{std::move(done), value});
    if (late != nullptr)
      complete(*late);
  }
  /// Never, unless it is the key's last: then when the processor is gone.
  void forget(std::uint32_t key, convoy::completion<std::uint32_t> done) {
    places_[key].forgotten = std::move(done);
  }

private:
  struct call {
    convoy::completion<std::uint32_t> done;
    std::uint32_t value;
  };
  struct alignas(64) place {
    std::atomic<call*> waiting{nullptr};
    std::atomic<void*> handle{nullptr};
    convoy::completion<std::uint32_t> forgotten; // plain
  };

  static void complete(call& c) {
    c.done(c.value);
    c.done(c.value + 1); // once more: it does nothing
    delete &c;
  }
  static void complete(std::atomic<call*>& from) {
    if (from.load(std::memory_order_relaxed) != nullptr)
      if (auto* c = from.exchange(nullptr))
        complete(*c);
  }

  void run(std::uint64_t from) {
    std::minstd_rand random(static_cast<std::uint32_t>(from));
    while (!over_) {
      for (unsigned n = 0; n < Keys; ++n) {
        auto& of_key = places_[random() % Keys];
        complete(of_key.waiting);
        if (void* h = of_key.handle.exchange(nullptr))
          std::coroutine_handle<>::from_address(h).resume();
      }
      if (random() % 2 == 0)
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 100));
    }
  }

  std::array<place, Keys> places_;
  std::atomic<bool> over_{false};
  std::array<std::thread, 2> threads_;
};

} // namespace convoy::test
