#pragma once

// Memory for objects of one type that come and go, so that a steady load allocates nothing. It
// keeps what the load has needed since the last trim().

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace convoy::detail {

template <class T>
class node_pool {
public:
  node_pool() = default;
  node_pool(const node_pool&) = delete;
  node_pool& operator=(const node_pool&) = delete;
  ~node_pool() {
    while (kept_ != 0)
      delete_one();
  }

  /// Null when out of memory. Throws what the constructor does.
  template <class... Arguments>
  [[nodiscard]] T* make(Arguments&&... arguments) {
    void* memory = free_;
    if (free_ != nullptr) {
      free_ = free_->next;
      fewest_kept_ = std::min(fewest_kept_, --kept_);
    } else {
      memory = ::operator new(sizeof(T), alignment, std::nothrow);
      if (memory == nullptr)
        return nullptr;
    }
    try {
      return ::new (memory) T(std::forward<Arguments>(arguments)...);
    } catch (...) {
      keep(memory);
      throw;
    }
  }

  void give_back(T& t) noexcept {
    std::destroy_at(&t);
    keep(&t);
  }
  /// Of an object that was destroyed.
  void keep(void* memory) noexcept {
    free_ = ::new (memory) free_node{free_};
    ++kept_;
  }

  /// More is kept than idle partitions keep.
  [[nodiscard]] bool has_spares() const noexcept { return kept_ > tuning::kept_nodes; }

  /// Gives up to `most` pieces of memory back to the system that have not been used since the last
  /// time. True: there are no more of them.
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    for (; fewest_kept_ > tuning::kept_nodes && most != 0; --most, --fewest_kept_)
      delete_one();
    if (fewest_kept_ > tuning::kept_nodes)
      return false;
    fewest_kept_ = kept_;
    return true;
  }

private:
  static constexpr std::align_val_t alignment{std::max(alignof(T), alignof(void*))};

  struct free_node {
    free_node* next;
  };
  static_assert(sizeof(T) >= sizeof(free_node));

  void delete_one() noexcept {
    --kept_;
    ::operator delete(std::exchange(free_, free_->next), alignment);
  }

  free_node* free_ = nullptr;
  std::size_t kept_ = 0;
  std::size_t fewest_kept_ = 0; // since the last trim(): so many were not needed
};

/// As node_pool, for several threads: each call takes a short lock.
template <class T>
class shared_node_pool {
public:
  template <class... Arguments>
  [[nodiscard]] T* make(Arguments&&... arguments) {
    const std::lock_guard lock(mutex_);
    return pool_.make(std::forward<Arguments>(arguments)...);
  }
  void give_back(T& t) noexcept {
    std::destroy_at(
        &t); // without the lock: what an exception holds is the user's, and may take long
    const std::lock_guard lock(mutex_);
    pool_.keep(&t);
    if (pool_.has_spares())
      has_spares_.store(true, std::memory_order_relaxed); // a hint
  }

  /// A hint.
  [[nodiscard]] bool has_spares() const noexcept {
    return has_spares_.load(std::memory_order_relaxed); // a hint
  }
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    const std::lock_guard lock(mutex_);
    const bool all = pool_.trim(most);
    has_spares_.store(pool_.has_spares(), std::memory_order_relaxed); // a hint
    return all;
  }

private:
  mutex mutex_;
  node_pool<T> pool_;
  atomic<bool> has_spares_{false};
};

} // namespace convoy::detail
