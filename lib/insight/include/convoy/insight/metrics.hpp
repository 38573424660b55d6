#pragma once

#include <convoy/snapshot.hpp>
#include <iosfwd>
#include <span>

namespace convoy {

enum class metrics_format : unsigned char {
  openmetrics, ///< media type `openmetrics_type`
  prometheus,  ///< the text format before, 0.0.4, of media type text/plain; promtool checks that
};

/// Writes snapshots for Prometheus and those who read the same: per processor some 35 series, and
/// four for each of the ten first keys. Keys are called by their rank ("1" is the hottest): a series for
/// each key ever seen would bring the reader down. Which key has the rank is told by an exemplar of
/// convoy_hottest_key_seconds_total, in OpenMetrics alone, and not if labels are hashes.
/// What reads a broker has six more for each of the 19 sources with the most lag, by the label
/// source (convoy_source_lag), and five of all its sources (convoy_sources_lag).
/// Processors of the same name are told apart by a number; what is no UTF-8 in names is replaced, as
/// are control characters, which end the text for some readers; they are cut to 100 characters. Any
/// thread. Throws what the stream throws.
void write_metrics(std::ostream& out, std::span<const snapshot> of,
                   metrics_format format = metrics_format::openmetrics);
void write_metrics(std::ostream& out, const snapshot& of,
                   metrics_format format = metrics_format::openmetrics);

inline constexpr const char* openmetrics_type =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

} // namespace convoy
