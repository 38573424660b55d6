#pragma once

#include "sanitized.hpp"

#include <cstddef>

// What is on the heap, counted beneath operator new: in malloc itself. And how many mutexes were locked.
// Not under sanitizers, which have these functions of their own, nor with another C library than glibc.

#if !defined(CONVOY_TEST_SANITIZED) && defined(__GLIBC__)
#define CONVOY_TEST_COUNTS_HEAP 1

/// So far, of all threads.
std::size_t allocations() noexcept;

/// Bytes in use, of all threads.
std::size_t live_bytes() noexcept;

/// By the calling thread so far.
std::size_t mutexes_locked() noexcept;

#endif
