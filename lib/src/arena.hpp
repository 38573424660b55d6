#pragma once

// The one door to oneTBB: worker threads.

#include <memory>

namespace convoy::detail {

/// A TBB arena of `concurrency` worker threads. TBB creates them on demand and takes them back when
/// they have nothing to do; by itself it offers one fewer than there are cores, so arenas raise the
/// process's limit while they live.
class arena {
public:
  explicit arena(unsigned concurrency);
  ~arena();

  /// Runs task(argument) on some worker thread, isolated: waits for TBB work inside it never run
  /// another such task on its stack. Never missed, unlike TBB's spawn. May throw std::bad_alloc.
  void enqueue(void (*task)(void*) noexcept, void* argument);

  /// The calling thread is a worker of some arena.
  static bool on_worker_thread() noexcept;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace convoy::detail
