// The only file that includes oneTBB. In ThreadSanitizer builds it is compiled without
// instrumentation: the system's TBB is not instrumented and would give false races from its
// templates; Convoy's own acquire/release edges carry the data.

#include "arena.hpp"

#include "sanitizers.hpp"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_scheduler_observer.h>
#include <thread>
#include <utility>

namespace convoy::detail {

namespace {

/// Knows the threads that work in an arena, its caller excepted. A thread may outlive its arena
/// without being told, so it keeps only a number, which counts as long as the arena lives.
class worker_marker final : public tbb::task_scheduler_observer {
public:
  explicit worker_marker(tbb::task_arena& arena) : task_scheduler_observer(arena) {
    {
      const std::lock_guard lock(mutex_);
      number_ = ++last_number_;
      next_ = std::exchange(first_, this);
    }
    const no_leak tbb_frees_it_late; // if the process does not end before
    const no_write tbb_passes_it_on;
    observe(true);
  }
  worker_marker(const worker_marker&) = delete;
  worker_marker& operator=(const worker_marker&) = delete;
  ~worker_marker() override {
    observe(false);
    const std::lock_guard lock(mutex_);
    auto** at = &first_;
    while (*at != this)
      at = &(*at)->next_;
    *at = next_;
  }

  void on_scheduler_entry(bool worker) override { works_in_ = worker ? number_ : 0; }
  void on_scheduler_exit(bool) override { works_in_ = 0; }

  static bool on_worker_thread() noexcept {
    if (works_in_ == 0)
      return false;
    const std::lock_guard lock(mutex_);
    auto* each = first_;
    while (each != nullptr && each->number_ != works_in_)
      each = each->next_;
    return each != nullptr;
  }

private:
  static inline constinit std::mutex mutex_{}; // guards the list of those alive
  static inline constinit worker_marker* first_ = nullptr;
  static inline constinit std::uint64_t last_number_ = 0;
  static inline constinit thread_local std::uint64_t works_in_ = 0; // a number, or 0

  std::uint64_t number_ = 0;
  worker_marker* next_ = nullptr;
};

/// TBB obeys the smallest of all limits alive, so the arenas of a process share one: the sum of
/// what they ask for, on top of what TBB offers everybody else.
class thread_limit {
public:
  explicit thread_limit(unsigned threads) : threads_(threads) { alive().add(threads_); }
  thread_limit(const thread_limit&) = delete;
  thread_limit& operator=(const thread_limit&) = delete;
  ~thread_limit() { alive().remove(threads_); }

private:
  struct limits {
    std::mutex mutex; // guards what follows
    std::size_t total = 0;
    std::size_t allowed = 0; // not less, but perhaps more: who goes must need no memory
    std::unique_ptr<tbb::global_control> control;

    void add(std::size_t threads) {
      const std::lock_guard lock(mutex);
      if (total + threads > allowed) {
        // The smaller of the two stands until the old one is gone.
        control = std::make_unique<tbb::global_control>(
            tbb::global_control::max_allowed_parallelism,
            total + threads + static_cast<std::size_t>(tbb::info::default_concurrency()));
        allowed = total + threads;
      }
      total += threads;
    }
    void remove(std::size_t threads) noexcept {
      const std::lock_guard lock(mutex);
      total -= threads;
      if (total == 0) {
        control.reset();
        allowed = 0;
      }
    }
  };
  static limits& alive() {
    static limits all;
    return all;
  }

  const std::size_t threads_;
};

} // namespace

struct arena::parts {
  explicit parts(unsigned concurrency)
      : limit(concurrency), arena(static_cast<int>(concurrency), 0), marker(arena) {}

  thread_limit limit;
  tbb::task_arena arena;
  worker_marker marker;
};

arena::arena(unsigned concurrency) : parts_(std::make_unique<parts>(concurrency)) {
  std::thread([] {}).join(); // throws if none can be made; TBB would say nothing, and try for ever
}
arena::~arena() = default;

void arena::enqueue(void (*task)(void*) noexcept, void* argument) {
  parts_->arena.enqueue(
      [task, argument] { tbb::this_task_arena::isolate([task, argument] { task(argument); }); });
}

bool arena::on_worker_thread() noexcept {
  return worker_marker::on_worker_thread();
}

} // namespace convoy::detail
