#pragma once

#include <convoy/recording.hpp>
#include <iosfwd>
#include <span>

namespace convoy {

/// Writes what was recorded as a trace for Perfetto (ui.perfetto.dev, or `trace_processor`), in its
/// protobuf format. A recording is a process, each worker one of its threads; what a worker ran is a
/// slice with the key's label, and an arrow leads from a run that failed to the one that tried again.
/// Keys that wait have tracks for each reason, as many as are needed so that no two overlap, up to
/// 1,000; keys and backlog are counters. What is not in it is told by an instant of the process.
/// Labels are cut to 200 characters; what is no UTF-8 in them is replaced, as are control characters.
/// Any thread. About 60 bytes for a slice, and while it writes 20 bytes of memory for each. Throws
/// std::bad_alloc and what the stream throws.
void write_trace(std::ostream& out, std::span<const recording> of);
void write_trace(std::ostream& out, const recording& of);

} // namespace convoy
