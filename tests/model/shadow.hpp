#pragma once

// Plain memory of a run: who accessed it, what is freed, and the fibers' stacks.

#include "memory.hpp"

#include <cstddef>
#include <cstdint>

namespace model {

/// While it lives, what the calling code allocates and touches is the checker's own.
class inside_checker {
public:
  inside_checker() noexcept { ++depth; }
  ~inside_checker() { --depth; }
  inside_checker(const inside_checker&) = delete;
  inside_checker& operator=(const inside_checker&) = delete;

  static inline int depth = 1; // 0: a scenario's code runs
};

/// In a scenario, each plain access of size bytes, by the thread that runs. Else nothing happens.
void access(const void* where, std::size_t size, bool writes);

/// What a run allocates has an address of its own until the run's end. Null: there is no more.
[[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept;
void release(void* user) noexcept;

struct stack_memory {
  std::byte* begin;
  std::byte* end;
};
[[nodiscard]] stack_memory take_stack();
void give_back(const stack_memory& stack);

/// Forgets all accesses, and what the last run allocated.
void begin_run_of_memory() noexcept;

class run;
/// The calling thread uses an atomic there. Until that happens before it, nobody may free it.
void use_atomic(run& now, const void* where);

} // namespace model
