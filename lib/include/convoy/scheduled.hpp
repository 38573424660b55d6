#pragma once

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/shared/requests.hpp"
#include "convoy/status.hpp"

#include <memory>
#include <utility>

namespace convoy {

/// What became of a submit_at() or submit_after(), and the way to take it back. May be dropped: the
/// message is submitted all the same. Any thread; must not be used after the processor's end.
class [[nodiscard]] scheduled {
public:
  /// Not accepted, or (without `what`) not to be cancelled any more.
  explicit scheduled(submit_status status,
                     std::shared_ptr<detail::cancellable> what = nullptr) noexcept
      : status_(status), what_(std::move(what)) {}

  [[nodiscard]] submit_status status() const noexcept { return status_; }

  /// True: the message will not be handled, and is counted as discarded; false: it is due, or was
  /// cancelled before. Lock-free.
  bool cancel() noexcept {
    if (what_ == nullptr || !what_->take(true))
      return false;
    what_->forget_soon();
    return true;
  }

private:
  submit_status status_;
  std::shared_ptr<detail::cancellable> what_;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
