#include "convoy/detail/sched/blocks.hpp"

#include "convoy/detail/sched/scheduler.hpp"

#include <cstddef>
#include <mutex>
#include <new>
#include <utility>

namespace convoy::detail {
namespace {

constexpr std::size_t class_of(std::size_t size) noexcept {
  return size == 0 ? 0 : (size - 1) / tuning::block_step;
}
constexpr std::size_t size_of(std::size_t size_class) noexcept {
  return (size_class + 1) * tuning::block_step;
}
static_assert(sizeof(free_block) <= tuning::block_step);

void free_all(free_block* first) noexcept {
  while (first != nullptr)
    ::operator delete(std::exchange(first, first->next));
}

} // namespace

// ---- block_depot ----

block_depot::~block_depot() {
  for (auto& each : lists_)
    while (each.bundles != nullptr)
      free_all(std::exchange(each.bundles, each.bundles->chain));
}

free_block* block_depot::take(std::size_t size_class) noexcept {
  const std::lock_guard lock(mutex_);
  auto& from = lists_[size_class];
  if (from.bundles == nullptr)
    return nullptr;
  --from.count;
  return std::exchange(from.bundles, from.bundles->chain);
}

bool block_depot::give(std::size_t size_class, free_block& bundle) noexcept {
  const std::lock_guard lock(mutex_);
  auto& to = lists_[size_class];
  if (to.count == tuning::most_bundles)
    return false;
  ++to.count;
  bundle.chain = std::exchange(to.bundles, &bundle);
  return true;
}

// ---- block_cache ----

block_cache::~block_cache() {
  for (auto& each : lists_) {
    free_all(each.blocks);
    free_all(each.full);
  }
}

void* block_cache::take(std::size_t size_class, block_depot& depot) noexcept {
  auto& from = lists_[size_class];
  if (from.blocks == nullptr) {
    from.blocks = from.full != nullptr ? std::exchange(from.full, nullptr) : depot.take(size_class);
    if (from.blocks == nullptr)
      return nullptr;
    from.count = tuning::bundle;
  }
  --from.count;
  return std::exchange(from.blocks, from.blocks->next);
}

void block_cache::give(std::size_t size_class, void* block, block_depot& depot) noexcept {
  auto& to = lists_[size_class];
  if (to.count == tuning::bundle) {
    if (to.full != nullptr && !depot.give(size_class, *to.full))
      free_all(to.full);
    to.full = std::exchange(to.blocks, nullptr);
    to.count = 0;
  }
  to.blocks = ::new (block) free_block{to.blocks, nullptr};
  ++to.count;
}

// ---- any thread ----

void* take_block(std::size_t size) {
  const auto size_class = class_of(size);
  if (size_class >= tuning::block_classes)
    return ::operator new(size);
  if (auto* const self = pump::current(); self != nullptr)
    if (void* const block = self->blocks.take(size_class, self->home.blocks); block != nullptr)
      return block;
  return ::operator new(size_of(size_class));
}

void give_block(void* block, std::size_t size) noexcept {
  const auto size_class = class_of(size);
  auto* const self = pump::current();
  if (self == nullptr || size_class >= tuning::block_classes)
    ::operator delete(block);
  else
    self->blocks.give(size_class, block, self->home.blocks);
}

} // namespace convoy::detail
