#pragma once

#include "convoy/detail/base/tuning.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace convoy::detail {

/// A callable of no arguments, move-only ones too; up to 40 bytes live inside it, larger ones on
/// the heap. (std::function copies, std::move_only_function is C++23.)
class callable {
public:
  static constexpr std::size_t room = tuning::task_room;

  template <class Function>
  requires(!std::is_same_v<std::remove_cvref_t<Function>, callable>) explicit callable(
      Function&& function) {
    using held = std::decay_t<Function>;
    static_assert(std::is_void_v<std::invoke_result_t<held&>>,
                  "convoy: a callable must return void: nobody would see what it returns; "
                  "keyed_executor::async() gives it to a future");
    if constexpr (fits<held>) {
      ::new (static_cast<void*>(room_)) held(std::forward<Function>(function));
      how_ = &inside<held>;
    } else {
      ::new (static_cast<void*>(room_)) held*(new held(std::forward<Function>(function)));
      how_ = &outside<held>;
    }
  }

  callable(callable&& other) noexcept : how_(std::exchange(other.how_, nullptr)) {
    if (how_ != nullptr)
      how_(action::move, other.room_, room_);
  }
  callable(const callable&) = delete;
  callable& operator=(const callable&) = delete;
  ~callable() {
    if (how_ != nullptr)
      how_(action::destroy, room_, nullptr);
  }

  void operator()() { how_(action::call, room_, nullptr); }

private:
  enum class action { call, move, destroy };

  template <class Held>
  static constexpr bool
      fits = sizeof(Held) <= room &&
             alignof(Held) <= alignof(void*) && std::is_nothrow_move_constructible_v<Held>;

  template <class Held>
  static void inside(action what, void* from, void* to) {
    auto* const held = std::launder(static_cast<Held*>(from));
    switch (what) {
    case action::call:
      std::invoke(*held);
      break;
    case action::move:
      ::new (to) Held(std::move(*held));
      [[fallthrough]];
    case action::destroy:
      std::destroy_at(held);
    }
  }

  template <class Held>
  static void outside(action what, void* from, void* to) {
    auto* const held = *std::launder(static_cast<Held**>(from));
    switch (what) {
    case action::call:
      std::invoke(*held);
      break;
    case action::move:
      ::new (to) Held*(held);
      break;
    case action::destroy:
      delete held;
    }
  }

  void (*how_)(action, void* from, void* to);
  alignas(void*) std::byte room_[room];
};

} // namespace convoy::detail
