#pragma once

/// Defined in a build whose code is instrumented: there, some costs are not those of the library.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONVOY_BENCH_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CONVOY_BENCH_SANITIZED
#endif
#endif
