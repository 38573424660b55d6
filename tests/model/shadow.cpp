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
  static constexpr std::uint8_t nobody = 255, several = 254;

  std::uint32_t written = 0;
  std::uint8_t writer = 0;
  std::uint8_t only = nobody; // who has accessed it
  bool freed = false;
  vector_clock read;
  vector_clock used; // as an atomic, or a mutex, whose first byte it is

  void by(std::size_t t) noexcept {
    only = only == nobody || only == t ? static_cast<std::uint8_t>(t) : several;
  }
};
constexpr std::uintptr_t granule_size = 8, page_size = 256;
struct granule {
  std::uint64_t run = 0;
  accesses bytes[granule_size];
};
struct page {
  granule granules[page_size / granule_size];
};

std::unordered_map<std::uintptr_t, page>& pages() {
  static std::unordered_map<std::uintptr_t, page> all;
  return all;
}
page& page_of(std::uintptr_t address) {
  static std::pair<std::uintptr_t, page*> last{0, nullptr};
  if (last.second == nullptr || last.first != address / page_size)
    last = {address / page_size, &pages()[address / page_size]};
  return *last.second;
}

/// Of a run, by where they begin: their ends.
std::map<std::uintptr_t, std::uintptr_t>& freed_blocks() {
  static std::map<std::uintptr_t, std::uintptr_t> all;
  return all;
}
bool is_freed(std::uintptr_t address) {
  const auto behind = freed_blocks().upper_bound(address);
  return behind != freed_blocks().begin() && std::prev(behind)->second > address;
}

granule& granule_of(const run& now, std::uintptr_t address) {
  auto& g = page_of(address).granules[address % page_size / granule_size];
  if (g.run != now.number) {
    g = granule{.run = now.number, .bytes = {}};
    for (std::uintptr_t i = 0; i < granule_size; ++i)
      g.bytes[i].freed = is_freed(address / granule_size * granule_size + i);
  }
  return g;
}

/// All that was done there happens before what comes now?
bool is_over(const vector_clock& done, const vector_clock& known) noexcept {
  bool over = true;
  for (std::size_t t = 0; t < most_threads; ++t)
    over &= known.knows(t, done.steps[t]);
  return over;
}

void check_write(run& now, const accesses& b, const vector_clock& known) {
  if (b.only == accesses::nobody || b.only == now.self())
    return;
  if (!known.knows(b.writer, b.written))
    now.fail("data race: plain memory that thread " + std::to_string(b.writer) + " has written");
  if (!is_over(b.read, known))
    now.fail("data race: plain memory that another thread has read");
  if (!is_over(b.used, known))
    now.fail("data race: an atomic or a mutex goes that another thread has used");
}

} // namespace

void access(const void* where, std::size_t size, bool writes) {
  if (!run::in_scenario())
    return;
  const inside_checker in;
  auto& r = *run::current;
  const auto t = r.self();
  const auto& known = r.memory.threads[t].mine.before;
  auto address = reinterpret_cast<std::uintptr_t>(where);
  for (const auto end = address + size; address != end;) {
    auto& g = granule_of(r, address);
    do {
      auto& b = g.bytes[address % granule_size];
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
      b.by(t);
      ++address;
    } while (address != end && address % granule_size != 0);
  }
}

namespace {

/// As a write of all of it, and of what nobody has used yet it takes only a note.
void free_block(const void* where, std::size_t size) {
  if (!run::in_scenario())
    return;
  const inside_checker in;
  auto& r = *run::current;
  const auto& known = r.memory.threads[r.self()].mine.before;
  const auto begin = reinterpret_cast<std::uintptr_t>(where);
  const auto end = begin + size;
  for (auto p = begin / page_size; p * page_size < end; ++p) {
    const auto found = pages().find(p);
    if (found == pages().end())
      continue;
    const auto stop = std::min(end, (p + 1) * page_size);
    for (auto address = std::max(begin, p * page_size); address != stop; ++address) {
      auto& g = found->second.granules[address % page_size / granule_size];
      if (g.run != r.number) {
        address = std::min(stop, (address / granule_size + 1) * granule_size) - 1;
        continue;
      }
      auto& b = g.bytes[address % granule_size];
      check_write(r, b, known);
      b.freed = true;
    }
  }
  if (!freed_blocks().emplace(begin, end).second)
    r.fail("memory is freed twice");
}

} // namespace

void use_atomic(run& now, const void* where) {
  const auto address = reinterpret_cast<std::uintptr_t>(where);
  auto& b = granule_of(now, address).bytes[address % granule_size];
  if (b.freed)
    now.fail("use of an atomic or a mutex that was freed");
  if (!now.memory.threads[now.self()].mine.before.knows(b.writer, b.written))
    now.fail("data race: an atomic or a mutex that thread " + std::to_string(b.writer) +
             " has made");
  b.used.steps[now.self()] = now.memory.threads[now.self()].mine.before.steps[now.self()];
  b.by(now.self());
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
        auto* const made = static_cast<std::byte*>(std::malloc(wanted));
        if (made == nullptr)
          return nullptr;
        blocks_.push_back({made, wanted});
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

} // namespace

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  const bool of_run = run::in_scenario();
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
}

} // namespace model
