#include "heap.hpp"

#ifdef CONVOY_TEST_COUNTS_HEAP

#include <atomic>
#include <cstddef>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>

namespace {
std::atomic<std::size_t> allocated{0};
constinit thread_local std::size_t locked = 0;
} // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
  allocated.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  allocated.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  allocated.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  allocated.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, size);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  using function = int (*)(pthread_mutex_t*);
  static const auto real = reinterpret_cast<function>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  ++locked;
  return real(mutex);
}
}

std::size_t allocations() noexcept {
  return allocated.load(std::memory_order_relaxed);
}
std::size_t live_bytes() noexcept {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
std::size_t mutexes_locked() noexcept {
  return locked;
}

#endif
