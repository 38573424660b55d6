#pragma once

#include <convoy/convoy.hpp>

/// Whose items are not run.
class nobody final : public convoy::detail::runner {
  void run(convoy::detail::ready_item&, convoy::detail::pump&) noexcept override {}
};
