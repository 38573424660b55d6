#pragma once

#include <convoy/snapshot.hpp>
#include <iosfwd>
#include <span>

namespace convoy {

enum class metrics_format : unsigned char {
  openmetrics, ///< media type `openmetrics_type`
  prometheus,  ///< the text format before, 0.0.4, of media type text/plain; promtool checks that
};

/// Writes snapshots for Prometheus and those who read the same: per processor some 30 series, and three for each key of a list. Keys are
/// called by their rank ("1" is the hottest), and never by what they are: a series for each key ever
/// seen would bring the reader down, and keys may be private. Processors of the same name are
/// told apart by a number; what is no UTF-8 in names is replaced. Any thread. Throws what the stream throws.
void write_metrics(std::ostream& out, std::span<const snapshot> of,
                   metrics_format format = metrics_format::openmetrics);
void write_metrics(std::ostream& out, const snapshot& of,
                   metrics_format format = metrics_format::openmetrics);

inline constexpr const char* openmetrics_type =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

} // namespace convoy
