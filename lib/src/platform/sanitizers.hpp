#pragma once

// What src/ tells the sanitizers of a program that links it, which see only a part of what is done
// here and in oneTBB.

// NOLINTBEGIN(readability-identifier-naming): not our names
extern "C" { // null where no sanitizer is linked
void __lsan_disable() __attribute__((weak));
void __lsan_enable() __attribute__((weak));
void AnnotateIgnoreWritesBegin(const char* file, int line) __attribute__((weak));
void AnnotateIgnoreWritesEnd(const char* file, int line) __attribute__((weak));
}
// NOLINTEND(readability-identifier-naming)

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

/// What the calling thread allocates meanwhile does not count as written by it: other threads get
/// it in a way that ThreadSanitizer does not see. It does in our own builds, but for what happens
/// in oneTBB.
class no_write {
public:
  no_write() noexcept {
    if (AnnotateIgnoreWritesBegin != nullptr)
      AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  no_write(const no_write&) = delete;
  no_write& operator=(const no_write&) = delete;
  ~no_write() {
    if (AnnotateIgnoreWritesEnd != nullptr)
      AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
  }
};

} // namespace convoy::detail
