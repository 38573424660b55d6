#pragma once

// Requests that wait for a lane: until it comes back, or until messages of it are finished. Only
// the drainer touches it. Each costs the same, however many wait.
//
// Messages of a lane finish in order. `finished` counts them, and a request that waits for those
// that are in the lane now has a mark, what the count will be then. When messages are put before
// all others the count goes back by as many, which moves all marks. Only differences count, so it
// may wrap.

#include "convoy/detail/ds/request_order.hpp"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

namespace convoy::detail {

template <class Lane, class Request>
class lane_requests {
public:
  struct entry {
    request_list<Request> at_return; ///< for all that comes behind something that waits for it, too
    request_list<Request> fences;    ///< their marks never fall
    std::uint32_t finished = 0;
    std::uint32_t put_at_return = 0; ///< messages of requests in at_return
    std::uint32_t purged = 0;        ///< mark of the last purge that waits, or has waited
    bool purges = false;             ///< one waits

    /// `unfinished`: messages in the lane, those of at_return included.
    void set_mark(Request& r, std::uint32_t unfinished) const noexcept {
      r.mark = finished + unfinished;
    }
    /// Messages in the lane that are before the mark, without those of at_return.
    [[nodiscard]] std::uint32_t before(const Request& r) const noexcept {
      return r.mark - finished - put_at_return;
    }
    /// Null: none of the fences.
    [[nodiscard]] std::unique_ptr<Request> take_reached() noexcept {
      return !fences.empty() && static_cast<std::int32_t>(fences.first().mark - finished) <= 0
                 ? fences.pop()
                 : nullptr;
    }
    /// A purge waits that takes the last of so many messages in the lane, all counted.
    [[nodiscard]] bool purges_last(std::uint32_t unfinished) const noexcept {
      return !at_return.empty() && purged == finished + unfinished;
    }
    [[nodiscard]] bool empty() const noexcept { return at_return.empty() && fences.empty(); }
  };

  /// The caller sets lane.has_requests. May throw std::bad_alloc.
  [[nodiscard]] entry& make(const Lane& lane) { return entries_[&lane]; }

  /// Of a lane that has_requests.
  [[nodiscard]] entry& of(const Lane& lane) noexcept { return entries_.find(&lane)->second; }

  /// The caller clears lane.has_requests.
  void forget(const Lane& lane) noexcept { entries_.erase(&lane); }

private:
  std::unordered_map<const Lane*, entry> entries_;
};

} // namespace convoy::detail
