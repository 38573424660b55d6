// The only file that includes oneTBB. In ThreadSanitizer builds it is compiled without
// instrumentation: the system's TBB is not instrumented and would give false races from its
// templates; Convoy's own acquire/release edges carry the data.

#include "sched/arena.hpp"

#include "convoy/detail/base/tuning.hpp"
#include "platform/sanitizers.hpp"
#include "platform/shared_object.hpp"
#include "sched/process.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): not ours
#define TBB_PREVIEW_TASK_GROUP_EXTENSIONS 1 // what oneTBB before 2021.6 has task_group::defer() in

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <tbb/global_control.h>
#include <tbb/task.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#include <tbb/task_scheduler_observer.h>
#include <tbb/version.h>
#include <thread>
#include <utility>

namespace convoy::detail {

namespace {

/// Guards what arenas count. One for all, which is there before any of them: so ThreadSanitizer,
/// which does not see what TBB does, sees that an arena was made before a thread of TBB's looks at
/// it, and has left before it goes.
constinit std::mutex arenas_mutex{};

constinit std::atomic<int> first_made_after{-1}; // so many forks(); -1: there was no arena

/// Knows the threads that TBB has lent to an arena. A thread may outlive its arena without being
/// told, so it keeps only a number, which counts as long as the arena lives.
class worker_marker final : public tbb::task_scheduler_observer {
public:
  explicit worker_marker(tbb::task_arena& arena) : task_scheduler_observer(arena) {
    {
      const std::lock_guard lock(arenas_mutex);
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
    observe(false); // waits for who is in one of the functions below
    const std::lock_guard lock(arenas_mutex);
    auto** at = &first_;
    while (*at != this)
      at = &(*at)->next_;
    *at = next_;
  }

  // Not `worker`: a thread of our own, or one that destroys an arena and may be marked for another.
  void on_scheduler_entry(bool worker) override {
    if (!worker)
      return;
    works_in_ = number_;
    const std::lock_guard lock(arenas_mutex);
    ++inside_;
  }
  void on_scheduler_exit(bool worker) override {
    if (!worker)
      return;
    works_in_ = 0;
    const std::lock_guard lock(arenas_mutex);
    --inside_;
    left_.notify_all();
  }

  /// Until no thread is in the arena. Nobody may enqueue.
  void wait_until_empty() noexcept {
    std::unique_lock lock(arenas_mutex);
    left_.wait(lock, [this] { return inside_ == 0; });
  }

  static bool on_worker_thread() noexcept {
    if (works_in_ == 0 || !arena::may_be_made()) // in a child there are none
      return false;
    const std::lock_guard lock(arenas_mutex);
    auto* each = first_;
    while (each != nullptr && each->number_ != works_in_)
      each = each->next_;
    return each != nullptr;
  }

private:
  static inline constinit worker_marker* first_ = nullptr; // of those alive; all under arenas_mutex
  static inline constinit std::uint64_t last_number_ = 0;
  static inline constinit thread_local std::uint64_t works_in_ = 0; // a number, or 0

  std::uint64_t number_ = 0;
  worker_marker* next_ = nullptr;

  unsigned inside_ = 0;
  std::condition_variable left_;
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
  // Half of the slots are for threads of our own, which would have to wait for one otherwise.
  explicit parts(unsigned concurrency)
      : limit(concurrency), arena(static_cast<int>(2 * concurrency), concurrency), marker(arena) {}

  void add() {
    const std::lock_guard lock(arenas_mutex);
    ++not_begun;
    ++unfinished;
  }
  void begin() noexcept {
    tbb::task_handle released; // after the lock
    const std::lock_guard lock(arenas_mutex);
    if (--not_begun == 0)
      released = std::move(hold);
  }
  void end() noexcept {
    const std::lock_guard lock(arenas_mutex);
    if (--unfinished == 0)
      finished.notify_all();
  }

  /// Runs what TBB has not begun. False: there is no memory.
  [[nodiscard]] bool begin_all() noexcept try {
    arena.execute([this] {
      tbb::task_group begun;
      {
        const std::lock_guard lock(arenas_mutex);
        if (not_begun != 0)
          hold = begun.defer([] {});
      }
      begun.wait(); // does what it finds
    });
    return true;
  } catch (...) {
    return false;
  }

  unsigned not_begun = 0; // under arenas_mutex, down to `finished`
  tbb::task_handle hold;  // of the group that waits until all have begun
  unsigned unfinished = 0;
  std::condition_variable finished;

  thread_limit limit;
  tbb::task_arena arena;
  worker_marker marker;
};

arena::arena(unsigned concurrency) : parts_(std::make_unique<parts>(concurrency)) {
  static std::once_flag once;
  std::call_once(once, [] {
    first_made_after = static_cast<int>(forks());
    if (can_be_unloaded()) // its threads live on in it
      keep_loaded(reinterpret_cast<void*>(&TBB_runtime_version));
  });
}

arena::~arena() {
  while (!parts_->begin_all())
    std::this_thread::sleep_for(tuning::out_of_memory_nap);
  {
    std::unique_lock lock(arenas_mutex);
    parts_->finished.wait(lock, [this] { return parts_->unfinished == 0; });
  }
  // Threads that have ended their task may be in its last instructions. That makes no difference
  // unless these may go away; and it may take long, as TBB's threads look for work for a while
  // before they leave an arena, on a machine where others want the cores for a tenth of a second.
  if (can_be_unloaded())
    parts_->marker.wait_until_empty();
}

void arena::enqueue(void (*task)(void*) noexcept, void* argument) {
  parts_->add();
  try {
    parts_->arena.enqueue([where = parts_.get(), task, argument] {
      where->begin();
      tbb::this_task_arena::isolate([task, argument] { task(argument); });
      where->end();
    });
  } catch (...) {
    parts_->begin();
    parts_->end();
    throw;
  }
}

bool arena::run_here(void (*task)(void*) noexcept, void* argument) noexcept {
  bool began = false;
  try {
    parts_->arena.execute([&] {
      tbb::this_task_arena::isolate([&] {
        began = true;
        task(argument);
      });
    });
  } catch (...) { // before or after the task, which throws nothing. NOLINT(bugprone-empty-catch)
  }
  return began;
}

bool arena::may_be_made() noexcept {
  const int first = first_made_after;
  return first == -1 || first == static_cast<int>(forks());
}

bool arena::on_worker_thread() noexcept {
  return worker_marker::on_worker_thread();
}

bool arena::in_task() noexcept {
  // Asked first, since the other question would make any thread known to TBB.
  return tbb::this_task_arena::current_thread_index() != tbb::task_arena::not_initialized &&
         tbb::task::current_context() != nullptr;
}

} // namespace convoy::detail
