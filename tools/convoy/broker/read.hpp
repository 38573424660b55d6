#pragma once

// Reads a topic or a stream as a trace. Nothing is written to the broker: no group, no commit, no
// acknowledgement, and no consumer is left behind.

#include "broker/request.hpp"
#include "input/trace.hpp"

namespace convoy::tool {

/// Reads what was there when it began, each record once; what comes meanwhile is not waited for.
/// The trace is sorted by the records' own times; equal times stay in the order of their
/// partition, and partitions in that of their numbers. trace::moved counts records that stood
/// behind later ones of their own partition.
///
/// Throws input_error, "URL: reason": nothing partial is returned, but for the records that
/// skip_bad allows to leave out. Blocks for at most `patience` where the broker does not answer.
[[nodiscard]] trace read_broker(const broker_request&, broker_progress&);

/// The two kinds, which say where it is wrong themselves only if it is one record. A program that
/// is built without the library of one refuses there.
[[nodiscard]] trace read_topic(const broker_request&, broker_progress&);
[[nodiscard]] trace read_stream(const broker_request&, broker_progress&);

} // namespace convoy::tool
