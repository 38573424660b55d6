// What the compiler's instrumentation calls for each plain access, and the allocation of memory. Compiled
// without instrumentation.

#include "shadow.hpp"

#include "run.hpp"

#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/mman.h>
#include <unordered_map>
#include <vector>

namespace model {

namespace {

/// Of one byte.
struct accesses {
  std::uint32_t written = 0;
  std::uint8_t writer = 0;
  bool freed = false;
  std::uint32_t read[most_threads] = {};
  std::uint32_t used[most_threads] = {}; // as an atomic, whose first byte it is
};
struct granule {
  std::uint64_t run = 0;
  accesses bytes[8];
};

std::unordered_map<std::uintptr_t, granule>& granules() {
  static std::unordered_map<std::uintptr_t, granule> all;
  return all;
}
std::vector<void*>& allocated() {
  static std::vector<void*> all;
  return all;
}
const stack_memory* own_stack = nullptr;

granule& granule_of(const run& now, std::uintptr_t address) {
  auto& g = granules()[address >> 3];
  if (g.run != now.number)
    g = granule{.run = now.number, .bytes = {}};
  return g;
}

bool in_scenario() noexcept {
  return run::current != nullptr && inside_checker::depth == 0;
}

void access(const void* where, std::size_t size, bool writes, bool frees = false) {
  if (!in_scenario())
    return;
  const auto* const begin = static_cast<const std::byte*>(where);
  if (own_stack != nullptr && begin >= own_stack->begin && begin < own_stack->end)
    return;
  const inside_checker in;
  auto& r = *run::current;
  const auto t = r.self();
  const auto& known = r.memory.threads[t].mine.before;
  const auto now = known.steps[t];
  auto address = reinterpret_cast<std::uintptr_t>(where);
  for (const auto end = address + size; address != end;) {
    auto& g = granule_of(r, address);
    do {
      auto& b = g.bytes[address & 7];
      if (b.freed)
        r.fail("use of memory that was freed");
      if (b.written != 0 && !known.knows(b.writer, b.written))
        r.fail("data race: plain memory that thread " + std::to_string(b.writer) + " has written");
      if (writes) {
        for (std::size_t other = 0; other < most_threads; ++other)
          if (b.read[other] != 0 && !known.knows(other, b.read[other]))
            r.fail("data race: plain memory that thread " + std::to_string(other) + " has read");
        for (std::size_t other = 0; frees && other < most_threads; ++other)
          if (b.used[other] != 0 && !known.knows(other, b.used[other]))
            r.fail("data race: an atomic is freed that thread " + std::to_string(other) +
                   " has used");
        b.written = now;
        b.writer = static_cast<std::uint8_t>(t);
        b.freed = frees;
      } else {
        b.read[t] = now;
      }
      ++address;
    } while (address != end && (address & 7) != 0);
  }
}

} // namespace

void use_atomic(run& now, const void* where) {
  const auto address = reinterpret_cast<std::uintptr_t>(where);
  auto& b = granule_of(now, address).bytes[address & 7];
  if (b.freed)
    now.fail("use of an atomic that was freed");
  b.used[now.self()] = now.memory.threads[now.self()].mine.before.steps[now.self()];
}

namespace {

constexpr std::size_t header = 64; // before each block: its size, and room for any alignment

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  const auto before = alignment > header ? alignment : header;
  void* memory = nullptr;
  if (posix_memalign(&memory, before, before + size) != 0)
    return nullptr;
  auto* const user = static_cast<std::byte*>(memory) + before;
  std::memcpy(user - sizeof(std::size_t), &size, sizeof size);
  std::memcpy(user - 2 * sizeof(std::size_t), &before, sizeof before);
  const bool tracked = in_scenario();
  std::memcpy(user - 3 * sizeof(std::size_t), &tracked, sizeof tracked);
  if (tracked) {
    const inside_checker in;
    allocated().push_back(memory);
  }
  return user;
}

/// A run's memory is kept until its end, so that no address comes again.
void release(void* user) noexcept {
  if (user == nullptr)
    return;
  auto* const at = static_cast<std::byte*>(user);
  std::size_t size = 0, before = 0;
  bool tracked = false;
  std::memcpy(&size, at - sizeof size, sizeof size);
  std::memcpy(&before, at - 2 * sizeof size, sizeof before);
  std::memcpy(&tracked, at - 3 * sizeof size, sizeof tracked);
  if (tracked)
    access(user, size, true, true);
  else
    std::free(at - before);
}

} // namespace

stack_memory* take_stack() {
  constexpr std::size_t size = 256 * 1024;
  auto* const memory = static_cast<std::byte*>(
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0));
  return new stack_memory{memory, memory + size};
}

void give_back(stack_memory* stack) noexcept {
  munmap(stack->begin, static_cast<std::size_t>(stack->end - stack->begin));
  delete stack;
}

void begin_run_of_memory() noexcept {
  for (auto* each : allocated())
    std::free(each);
  allocated().clear();
  if (granules().size() > 100'000)
    granules().clear();
}

void run_on(const stack_memory* stack) noexcept {
  own_stack = stack;
}

} // namespace model

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

// The standard library's own atomics (reference counts, guards of statics): as if under a lock each.
#define CONVOY_SYNC(at)                                                                            \
  if (model::in_scenario()) {                                                                      \
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
