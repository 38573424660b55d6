#pragma once

// Programs that are compiled with -fsanitize=thread and link a library that is not. ThreadSanitizer
// sees the atomics of our headers, which are compiled with the program, but not those of src/: the
// queues of ready items, and what a pump says when it leaves a processor. So the headers tell it
// which item a pump gets from whom: these edges are there, only out of its sight. It still sees
// races between handlers.
//
// Our own builds with a sanitizer define CONVOY_INSTRUMENTED: all is seen, so nothing is told that
// might hide an edge which is missing.

#if defined(__SANITIZE_THREAD__)
#define CONVOY_UNDER_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CONVOY_UNDER_THREAD_SANITIZER 1
#endif
#endif

namespace convoy::detail {

#ifdef CONVOY_UNDER_THREAD_SANITIZER
// By names of our own: what a program declares itself, or includes, can't clash with ours.
void tsan_acquire(void* address) noexcept __asm__("__tsan_acquire");
void tsan_release(void* address) noexcept __asm__("__tsan_release");
void tsan_fence(int order) noexcept __asm__("__tsan_atomic_thread_fence");
#endif

/// The calling thread passes on what `what` stands for, by way of src/.
inline void tell_passed_on([[maybe_unused]] const void* what) noexcept {
#if defined(CONVOY_UNDER_THREAD_SANITIZER) && !defined(CONVOY_INSTRUMENTED)
  tsan_release(const_cast<void*>(what));
#endif
}

/// The calling thread has got it, with all that those did who passed it on.
inline void tell_received([[maybe_unused]] const void* what) noexcept {
#if defined(CONVOY_UNDER_THREAD_SANITIZER) && !defined(CONVOY_INSTRUMENTED)
  tsan_acquire(const_cast<void*>(what));
#endif
}

} // namespace convoy::detail
