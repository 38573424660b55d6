#pragma once

// Memory of coroutines: blocks of a few sizes that come from the pump whose thread asks, and go to
// the pump whose thread gives them back. So a steady load allocates nothing, and takes no lock but for
// some tens of blocks at once, where one pump takes what another gives back. Each block is an
// allocation of its own: a thread that is no pump's allocates and frees.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <array>
#include <cstddef>

namespace convoy::detail {

struct free_block {
  free_block* next;
  free_block* chain; // the first of the next bundle, in a depot
};

/// What pumps pass on to each other, in bundles. Any thread.
class block_depot {
public:
  block_depot() = default;
  block_depot(const block_depot&) = delete;
  block_depot& operator=(const block_depot&) = delete;
  ~block_depot();

  /// A bundle, linked; null: it has none.
  [[nodiscard]] free_block* take(std::size_t size_class) noexcept;
  /// False: it has enough.
  [[nodiscard]] bool give(std::size_t size_class, free_block& bundle) noexcept;

private:
  struct list {
    free_block* bundles = nullptr;
    std::size_t count = 0;
  };

  mutex mutex_; // guards what follows
  std::array<list, tuning::block_classes> lists_;
};

/// A pump's own. Only its thread touches it.
class block_cache {
public:
  block_cache() = default;
  block_cache(const block_cache&) = delete;
  block_cache& operator=(const block_cache&) = delete;
  ~block_cache();

  /// Null: neither it nor the depot has one.
  [[nodiscard]] void* take(std::size_t size_class, block_depot& depot) noexcept;
  void give(std::size_t size_class, void* block, block_depot& depot) noexcept;

private:
  /// A full bundle waits behind the one that is in use, so that who takes and gives by turns does not
  /// go to the depot each time.
  struct list {
    free_block* blocks = nullptr;
    std::size_t count = 0;
    free_block* full = nullptr;
  };

  std::array<list, tuning::block_classes> lists_;
};

/// Throws std::bad_alloc.
[[nodiscard]] void* take_block(std::size_t size);
void give_block(void* block, std::size_t size) noexcept;

} // namespace convoy::detail
