#pragma once

#include "convoy/detail/prologue.hpp"

#include "convoy/detail/scheduler.hpp"

namespace convoy {

/// Worker threads that processors share. They come from oneTBB and are created when there is work;
/// a runtime with nothing to do uses no CPU, and after a while holds no thread. Several runtimes
/// may live in one process.
///
/// While it lives, a runtime raises oneTBB's limit of threads in the process (tbb::global_control)
/// by its concurrency; what others in the process ask of TBB stays available to them.
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

  /// Waits for its workers to leave.
  ~runtime() = default;

  [[nodiscard]] unsigned concurrency() const noexcept { return scheduler_.concurrency(); }

private:
  template <class, class, class, class, class>
  friend class processor;

  detail::scheduler scheduler_;
};

} // namespace convoy

#include "convoy/detail/epilogue.hpp"
