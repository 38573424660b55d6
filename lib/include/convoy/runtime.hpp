#pragma once

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/explanation.hpp"
#include "convoy/recording.hpp"
#include "convoy/snapshot.hpp"
#include "convoy/time_span.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

namespace convoy {

/// Worker threads that processors share. oneTBB lends them; when work has waited for about a
/// millisecond and none has come (a limit of the process, tasks of higher priority), threads of the
/// runtime's own do the work, as many as are missing. Never more than `concurrency` handlers run.
/// Several runtimes may live in one process.
///
/// With nothing to do a runtime uses no CPU. It keeps two threads that sleep, one for times and one
/// to work if TBB lends none, and more of the latter kind if they were needed once. TBB's threads
/// go back to TBB's pool after 100 ms and sleep there until the process ends.
///
/// While it lives, a runtime raises oneTBB's limit of threads in the process (tbb::global_control)
/// by its concurrency; what others in the process ask of TBB stays available to them.
///
/// After fork() the child has none of these threads: it makes a runtime of its own, whose workers
/// do not come from TBB if the parent had a runtime before. A processor that it has from its parent
/// may be destroyed there; waiting for it, and a new processor on a runtime of the parent's, throw
/// std::logic_error.
///
/// Neither copied nor moved. Must outlive its processors.
class runtime {
public:
  struct options {
    unsigned concurrency = 0; ///< worker threads, 1 to 4095; 0: one for each core
  };

  runtime() : runtime(options{}) {}

  /// Throws std::invalid_argument for a concurrency out of range, std::bad_alloc,
  /// std::system_error if no thread can be made.
  explicit runtime(const options& wanted);
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  /// Waits for its workers to leave. When it has returned no thread runs code of the library, which
  /// may be unloaded then.
  ~runtime() = default;

  /// Of all processors with insight, in the order in which they were made; see
  /// processor::snapshot().
  [[nodiscard]] std::vector<convoy::snapshot> snapshot() const;

  /// Why a key of the processor of that name does not move: see processor::explain(). The key as a
  /// snapshot calls it, or as one writes it, if it is a number or a std::string. Nothing if there is
  /// no such processor with insight, or the text can be no key of it; of several that one in which
  /// the key has messages. Waits for a worker to look, at most `within`, and so long that processor
  /// can't go. Throws std::logic_error on a worker thread, std::bad_alloc.
  [[nodiscard]] std::optional<explanation>
  explain(std::string_view processor, std::string_view key,
          time_span within = std::chrono::milliseconds(50)) const;

  /// What all processors with insight do for so long, one thing after the other; at most so many
  /// things of each, those that come then are only counted. Sleeps meanwhile; `stop` ends it early. While it records each
  /// message is timed, which costs some 0.2 us each, and 50 bytes each. Holds that have not ended, and
  /// processors that were made or have gone meanwhile, are not in it. Callers take turns. Throws
  /// std::logic_error on a worker thread, std::bad_alloc.
  [[nodiscard]] std::vector<recording> record(time_span length, std::size_t most = 1'000'000,
                                              const std::stop_token& stop = {}) const;

  [[nodiscard]] unsigned concurrency() const noexcept { return scheduler_.concurrency(); }

private:
  template <class, class, class, class, class>
  friend class processor;

  detail::scheduler scheduler_;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
