#pragma once

// What the seam (atomic.hpp) takes for an atomic.

#include <atomic>

namespace convoy::detail {

template <class T>
using atomic = std::atomic<T>;

} // namespace convoy::detail
