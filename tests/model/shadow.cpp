// What the compiler's instrumentation calls for each plain access, and the allocation of memory. Compiled
// without instrumentation.

#include "shadow.hpp"

#include "run.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <sys/mman.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace model {

namespace {

/// Of one byte: the last steps of each thread.
struct accesses {
  std::uint32_t written = 0;
  std::uint8_t writer = 0;
  bool freed = false;
  vector_clock read;
  vector_clock used; // as an atomic, or a mutex, whose first byte it is
};
struct granule {
  std::uint64_t run = 0;
  accesses bytes[8];
};

std::unordered_map<std::uintptr_t, granule>& granules() {
  static std::unordered_map<std::uintptr_t, granule> all;
  return all;
}
/// Of a run, by where they begin: their ends.
std::map<std::uintptr_t, std::uintptr_t>& freed_blocks() {
  static std::map<std::uintptr_t, std::uintptr_t> all;
  return all;
}

granule& granule_of(const run& now, std::uintptr_t address) {
  auto& g = granules()[address >> 3];
  if (g.run != now.number) {
    g = granule{.run = now.number, .bytes = {}};
    for (std::uintptr_t i = 0; i < 8; ++i) {
      const auto behind = freed_blocks().upper_bound((address & ~std::uintptr_t{7}) + i);
      g.bytes[i].freed = behind != freed_blocks().begin() &&
                         std::prev(behind)->second > (address & ~std::uintptr_t{7}) + i;
    }
  }
  return g;
}

bool in_scenario() noexcept {
  return run::current != nullptr && inside_checker::depth == 0;
}

/// All that was done there happens before what comes now?
bool is_over(const vector_clock& done, const vector_clock& known) noexcept {
  bool over = true;
  for (std::size_t t = 0; t < most_threads; ++t)
    over &= known.knows(t, done.steps[t]);
  return over;
}

void check_write(run& now, const accesses& b, const vector_clock& known) {
  if (!known.knows(b.writer, b.written))
    now.fail("data race: plain memory that thread " + std::to_string(b.writer) + " has written");
  if (!is_over(b.read, known))
    now.fail("data race: plain memory that another thread has read");
}

void access(const void* where, std::size_t size, bool writes) {
  if (!in_scenario())
    return;
  const inside_checker in;
  auto& r = *run::current;
  const auto t = r.self();
  const auto& known = r.memory.threads[t].mine.before;
  auto address = reinterpret_cast<std::uintptr_t>(where);
  for (const auto end = address + size; address != end;) {
    auto& g = granule_of(r, address);
    do {
      auto& b = g.bytes[address & 7];
      if (b.freed)
        r.fail("use of memory that was freed");
      if (writes) {
        check_write(r, b, known);
        b.written = known.steps[t];
        b.writer = static_cast<std::uint8_t>(t);
      } else {
        if (!known.knows(b.writer, b.written))
          r.fail("data race: plain memory that thread " + std::to_string(b.writer) +
                 " has written");
        b.read.steps[t] = known.steps[t];
      }
      ++address;
    } while (address != end && (address & 7) != 0);
  }
}

/// As a write of all of it, and of what nobody has used yet it takes only a note.
void free_block(const void* where, std::size_t size) {
  if (!in_scenario())
    return;
  const inside_checker in;
  auto& r = *run::current;
  const auto& known = r.memory.threads[r.self()].mine.before;
  const auto begin = reinterpret_cast<std::uintptr_t>(where);
  const auto end = begin + size;
  for (auto g = begin >> 3; g << 3 < end; ++g) {
    const auto found = granules().find(g);
    if (found == granules().end() || found->second.run != r.number)
      continue;
    for (auto address = std::max(begin, g << 3); address != std::min(end, (g + 1) << 3);
         ++address) {
      auto& b = found->second.bytes[address & 7];
      if (b.freed)
        r.fail("memory is freed twice");
      check_write(r, b, known);
      if (!is_over(b.used, known))
        r.fail("data race: an atomic is freed that another thread has used");
      b.freed = true;
    }
  }
  freed_blocks().emplace(begin, end);
}

} // namespace

void use_atomic(run& now, const void* where) {
  const auto address = reinterpret_cast<std::uintptr_t>(where);
  auto& b = granule_of(now, address).bytes[address & 7];
  if (b.freed)
    now.fail("use of an atomic that was freed");
  b.used.steps[now.self()] = now.memory.threads[now.self()].mine.before.steps[now.self()];
}

namespace {

/// What a run allocates; none of it comes again before its end.
class run_memory {
public:
  std::byte* take(std::size_t size) {
    constexpr std::size_t at_once = 1 << 20;
    if (next_ == blocks_.size() || used_ + size > blocks_[next_].size) {
      next_ += next_ != blocks_.size() && used_ != 0;
      while (next_ != blocks_.size() && blocks_[next_].size < size)
        ++next_;
      if (next_ == blocks_.size()) {
        const auto wanted = std::max(at_once, size);
        blocks_.push_back({static_cast<std::byte*>(std::malloc(wanted)), wanted});
      }
      used_ = 0;
    }
    return blocks_[next_].begin + std::exchange(used_, used_ + size);
  }
  void begin_run() noexcept { next_ = used_ = 0; }

private:
  struct block {
    std::byte* begin;
    std::size_t size;
  };
  std::vector<block> blocks_;
  std::size_t next_ = 0; // of them
  std::size_t used_ = 0; // of that one
};
run_memory& memory_of_run() {
  static auto& only = *new run_memory; // until the process's end
  return only;
}

/// Before each allocation.
struct header {
  void* allocated; // null: a run's
  std::size_t size;
};

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  const bool of_run = in_scenario();
  const inside_checker in;
  auto room = sizeof(header) + alignment + size;
  auto* const memory = of_run ? memory_of_run().take(room) : std::malloc(room);
  if (memory == nullptr)
    return nullptr;
  void* user = static_cast<std::byte*>(memory) + sizeof(header);
  room -= sizeof(header);
  user = std::align(alignment, size, user, room);
  new (static_cast<header*>(user) - 1) header{of_run ? nullptr : memory, size};
  return user;
}

void release(void* user) noexcept {
  if (user == nullptr)
    return;
  const auto& its = static_cast<header*>(user)[-1];
  if (its.allocated == nullptr)
    free_block(user, its.size);
  else
    std::free(its.allocated);
}

} // namespace

namespace {
std::vector<stack_memory>& spare_stacks() {
  static std::vector<stack_memory> all;
  return all;
}
} // namespace

stack_memory take_stack() {
  auto& spare = spare_stacks();
  if (spare.empty()) {
    constexpr std::size_t size = 256 * 1024;
    auto* const memory = static_cast<std::byte*>(mmap(
        nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0));
    return {memory, memory + size};
  }
  const auto taken = spare.back();
  spare.pop_back();
  return taken;
}

void give_back(const stack_memory& stack) {
  spare_stacks().push_back(stack);
}

void begin_run_of_memory() noexcept {
  memory_of_run().begin_run();
  freed_blocks().clear();
  if (granules().size() > 100'000)
    granules().clear();
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
