// What a scenario's code calls without knowing it: the compiler's instrumentation of plain accesses, and
// the allocation of memory. Compiled without instrumentation.

#include "run.hpp"
#include "shadow.hpp"

#include <cstddef>
#include <new>

void* operator new(std::size_t size) {
  if (void* const memory = model::allocate(size, 16))
    return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  if (void* const memory = model::allocate(size, static_cast<std::size_t>(alignment)))
    return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return model::allocate(size, 16);
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return model::allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  model::release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  model::release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  model::release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  model::release(memory);
}

// NOLINTBEGIN: names and signatures are the compiler's
extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
#define CONVOY_ACCESS(size)                                                                        \
  void __tsan_read##size(void* at) {                                                               \
    model::access(at, size, false);                                                                \
  }                                                                                                \
  void __tsan_write##size(void* at) {                                                              \
    model::access(at, size, true);                                                                 \
  }                                                                                                \
  void __tsan_unaligned_read##size(void* at) {                                                     \
    model::access(at, size, false);                                                                \
  }                                                                                                \
  void __tsan_unaligned_write##size(void* at) {                                                    \
    model::access(at, size, true);                                                                 \
  }
CONVOY_ACCESS(1)
CONVOY_ACCESS(2)
CONVOY_ACCESS(4)
CONVOY_ACCESS(8)
CONVOY_ACCESS(16)
#undef CONVOY_ACCESS
void __tsan_read_range(void* at, unsigned long size) {
  model::access(at, size, false);
}
void __tsan_write_range(void* at, unsigned long size) {
  model::access(at, size, true);
}
void __tsan_vptr_read(void** at) {
  model::access(at, sizeof(void*), false);
}
void __tsan_vptr_update(void** at, void* value) {
  if (*at != value)
    model::access(at, sizeof(void*), true);
}

// Copies of whole blocks; the linker puts these in front of the C library's.
void* __real_memcpy(void* to, const void* from, size_t size);
void* __real_memmove(void* to, const void* from, size_t size);
void* __real_memset(void* to, int value, size_t size);
void* __wrap_memcpy(void* to, const void* from, size_t size) {
  model::access(from, size, false);
  model::access(to, size, true);
  return __real_memcpy(to, from, size);
}
void* __wrap_memmove(void* to, const void* from, size_t size) {
  model::access(from, size, false);
  model::access(to, size, true);
  return __real_memmove(to, from, size);
}
void* __wrap_memset(void* to, int value, size_t size) {
  model::access(to, size, true);
  return __real_memset(to, value, size);
}
int __real_memcmp(const void* one, const void* other, size_t size);
int __wrap_memcmp(const void* one, const void* other, size_t size) {
  model::access(one, size, false);
  model::access(other, size, false);
  return __real_memcmp(one, other, size);
}

// The standard library's own atomics (reference counts, guards of statics): as if under a lock each.
#define CONVOY_SYNC(at)                                                                            \
  if (model::run::in_scenario()) {                                                                 \
    const model::inside_checker in;                                                                \
    auto& r = *model::run::current;                                                                \
    auto& known = r.known_at[const_cast<const void*>(reinterpret_cast<volatile void*>(at))];       \
    r.memory.acquire(r.self(), known);                                                             \
    known = r.memory.release(r.self());                                                            \
  }
#define CONVOY_ATOMIC(bits, type)                                                                  \
  type __tsan_atomic##bits##_load(const volatile type* at, int) {                                  \
    CONVOY_SYNC(const_cast<volatile type*>(at))                                                    \
    return *at;                                                                                    \
  }                                                                                                \
  void __tsan_atomic##bits##_store(volatile type* at, type value, int) {                           \
    CONVOY_SYNC(at)                                                                                \
    *at = value;                                                                                   \
  }                                                                                                \
  type __tsan_atomic##bits##_exchange(volatile type* at, type value, int) {                        \
    CONVOY_SYNC(at)                                                                                \
    const type old = *at;                                                                          \
    *at = value;                                                                                   \
    return old;                                                                                    \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_add(volatile type* at, type value, int) {                       \
    CONVOY_SYNC(at)                                                                                \
    const type old = *at;                                                                          \
    *at = static_cast<type>(old + value);                                                          \
    return old;                                                                                    \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_sub(volatile type* at, type value, int) {                       \
    CONVOY_SYNC(at)                                                                                \
    const type old = *at;                                                                          \
    *at = static_cast<type>(old - value);                                                          \
    return old;                                                                                    \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type* at, type* expected, type value, \
                                                    int, int) {                                    \
    CONVOY_SYNC(at)                                                                                \
    if (*at != *expected) {                                                                        \
      *expected = *at;                                                                             \
      return 0;                                                                                    \
    }                                                                                              \
    *at = value;                                                                                   \
    return 1;                                                                                      \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile type* at, type* expected, type value,   \
                                                  int success, int failure) {                      \
    return __tsan_atomic##bits##_compare_exchange_strong(at, expected, value, success, failure);   \
  }
CONVOY_ATOMIC(8, unsigned char)
CONVOY_ATOMIC(32, unsigned int)
CONVOY_ATOMIC(64, unsigned long)
#undef CONVOY_ATOMIC
#undef CONVOY_SYNC
void __tsan_atomic_signal_fence(int) {}
void __tsan_atomic_thread_fence(int) {}
}
// NOLINTEND
