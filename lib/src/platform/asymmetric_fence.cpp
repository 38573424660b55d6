#include "convoy/detail/base/asymmetric_fence.hpp"

#include "convoy/detail/base/atomic.hpp"

#if defined(__linux__) && __has_include(<linux/membarrier.h>)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#define CONVOY_HAS_MEMBARRIER 1
#endif

namespace convoy::detail {

namespace {

#ifdef CONVOY_HAS_MEMBARRIER
bool membarrier(int command) noexcept {
  return ::syscall(SYS_membarrier, command, 0, 0) == 0;
}
bool register_membarrier() noexcept {
  return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}
#else
bool register_membarrier() noexcept {
  return false;
}
#endif

} // namespace

constinit atomic<bool> fences_are_asymmetric{false};

namespace {

[[maybe_unused]] const bool is_registered = [] {
  const bool ok = register_membarrier();
  fences_are_asymmetric.store(ok, std::memory_order_relaxed); // who sees false fences itself
  return ok;
}();

} // namespace

void fence_heavy() noexcept {
#ifdef CONVOY_HAS_MEMBARRIER
  if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
    return;
#endif
  // (1) seq_cst: pairs with (1) in asymmetric_fence.hpp
  thread_fence(std::memory_order_seq_cst);
}

} // namespace convoy::detail
