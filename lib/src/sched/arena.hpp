#pragma once

// The one door to oneTBB: the threads that it lends.

#include <memory>

namespace convoy::detail {

/// A TBB arena for `concurrency` threads that TBB lends, and as many of the caller's own. TBB
/// creates its threads on demand, shares them with the rest of the process, and takes them back
/// when they have nothing to do. By itself it offers one fewer than there are cores, so arenas
/// raise the process's limit while they live. Whether one of its threads comes is for others to say
/// as well: limits, priorities, other arenas.
class arena {
public:
  explicit arena(unsigned concurrency);
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;

  /// Begins on the calling thread what TBB has not begun, and waits until all has ended. If this is
  /// part of a shared object, which might be unloaded then, also until no thread of TBB's is in the
  /// end of a function of ours.
  ~arena();

  /// Asks TBB for a thread that runs task(argument), isolated: waits for TBB work inside it never
  /// run another such task on its stack. Throws std::bad_alloc.
  void enqueue(void (*task)(void*) noexcept, void* argument);

  /// Runs task(argument), isolated, on the calling thread as one of the arena's: what the task asks
  /// of TBB is done there. Never on more than `concurrency` threads at once: they would wait for
  /// each other. False: there is no memory, nothing was run.
  [[nodiscard]] bool run_here(void (*task)(void*) noexcept, void* argument) noexcept;

  /// False in a child of fork() whose parent has had an arena: TBB's threads are gone, and it goes
  /// on as if they were there.
  [[nodiscard]] static bool may_be_made() noexcept;

  /// The calling thread works in some arena, lent by TBB.
  [[nodiscard]] static bool on_worker_thread() noexcept;

  /// The calling thread runs a task of TBB's, in whatever arena.
  [[nodiscard]] static bool in_task() noexcept;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace convoy::detail
