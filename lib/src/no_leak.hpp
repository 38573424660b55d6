#pragma once

// LeakSanitizer, in whose eyes a library that is not ours leaks.

extern "C" {
void __lsan_disable() __attribute__((weak)); // null where no sanitizer is linked
void __lsan_enable() __attribute__((weak));
}

namespace convoy::detail {

/// What the calling thread allocates meanwhile is no leak.
class no_leak {
public:
  no_leak() noexcept {
    if (__lsan_disable != nullptr)
      __lsan_disable();
  }
  no_leak(const no_leak&) = delete;
  no_leak& operator=(const no_leak&) = delete;
  ~no_leak() {
    if (__lsan_enable != nullptr)
      __lsan_enable();
  }
};

} // namespace convoy::detail
