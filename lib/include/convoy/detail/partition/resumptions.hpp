#pragma once

#include "convoy/detail/lane/lane_set_suspended.hpp"
#include "convoy/detail/lane/posted.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/detail/shared/requests.hpp"

#include <memory>

namespace convoy::detail {

/// Coroutines of a partition that may go on. Whoever posts the first one also asks for a visit, by a
/// request, which is this: it is in the inbox once at most, as that takes them only after it has left it.
template <class Partition>
class resumptions final : public resumer, private request<Partition> {
public:
  explicit resumptions(Partition& home) noexcept : request<Partition>(turn::at_once), home_(home) {}

  [[nodiscard]] static std::unique_ptr<resumer> make(Partition& home) {
    return std::make_unique<resumptions>(home);
  }

  // ---- any thread ----

  void resume_soon(suspension& s) noexcept override {
    if (!posted_.push(s))
      return;
    posted_.begin_telling();
    home_.post(std::unique_ptr<request<Partition>>(this));
    posted_.end_telling();
  }

  [[nodiscard]] bool is_posting() const noexcept override { return posted_.is_being_told(); }

  // ---- the drainer ----

  void take_in(lane_base& lane) noexcept override {
    lanes().take_in(static_cast<typename Partition::lane_type&>(lane));
  }
  void is_due(awaiting& a) noexcept override { lanes().is_due(a); }
  void give_places() noexcept override { lanes().give_places(); }
  void stop_all() noexcept override { lanes().stop_all(); }

private:
  [[nodiscard]] bool serve(Partition&) noexcept override {
    lanes().go_on(posted_.take());
    return false; // we are the partition's
  }

  /// While it lives it lines lanes up by age.
  [[nodiscard]] auto lanes() noexcept {
    return suspended_lanes<typename Partition::core_type>(home_.lanes());
  }

  Partition& home_;
  posted posted_;
};

} // namespace convoy::detail
