#pragma once

// What is on the heap, counted beneath operator new: in malloc itself, which this program replaces.
// So what measures memory is a program of its own, and does not slow the others down.

#include <cstddef>
#include <cstdint>

namespace bench {

/// False with sanitizers, which have a malloc of their own, and without glibc.
bool heap_is_counted();

/// Calls of malloc and its relatives so far, of all threads.
std::uint64_t allocations();

/// Bytes in use, of all threads.
std::int64_t live_bytes();

} // namespace bench
