#include "costs/malloc_count.hpp"

#include "harness/sanitized.hpp"

#include <cstddef> // says whether this is glibc

#if !defined(CONVOY_BENCH_SANITIZED) && defined(__GLIBC__)

#include <atomic>
#include <malloc.h>

namespace {
std::atomic<std::uint64_t> calls{0};
void* counted(void* memory) noexcept {
  calls.fetch_add(1, std::memory_order_relaxed);
  return memory;
}
} // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
  return counted(__libc_malloc(size));
}
void* calloc(std::size_t count, std::size_t size) {
  return counted(__libc_calloc(count, size));
}
void* realloc(void* old, std::size_t size) {
  return counted(__libc_realloc(old, size));
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return counted(__libc_memalign(alignment, size));
}
int posix_memalign(void** to, std::size_t alignment, std::size_t size) {
  *to = counted(__libc_memalign(alignment, size));
  return *to == nullptr ? 12 : 0; // ENOMEM
}
}

namespace bench {
bool heap_is_counted() {
  return true;
}
std::uint64_t allocations() {
  return calls;
}
std::int64_t live_bytes() {
  const auto info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}
} // namespace bench

#else

namespace bench {
bool heap_is_counted() {
  return false;
}
std::uint64_t allocations() {
  return 0;
}
std::int64_t live_bytes() {
  return 0;
}
} // namespace bench

#endif
