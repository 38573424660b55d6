#pragma once

// Field numbers of a Perfetto trace, as in protos/perfetto/trace of Perfetto's sources, and how
// protobuf encodes fields. By hand, not by libprotobuf: for three encodings that would bring a
// compiler of its own to the build, thousands of lines that it makes of Perfetto's files, and one
// more library to everybody who links ours.

#include <cstdint>
#include <string>
#include <string_view>

namespace convoy::detail::perfetto {

enum trace : unsigned { trace_packet = 1 };

enum packet : unsigned {
  packet_timestamp = 8, ///< ns of the trace's own clock, as no timestamp_clock_id is given
  packet_trusted_packet_sequence_id = 10,
  packet_track_event = 11,
  packet_interned_data = 12,
  packet_sequence_flags = 13,
  packet_track_descriptor = 60,
};
enum sequence_flags : unsigned {
  seq_incremental_state_cleared = 1,
  seq_needs_incremental_state = 2,
};

enum interned_data : unsigned {
  interned_event_names = 2,
  interned_debug_annotation_names = 3,
};
enum interned_name : unsigned { interned_iid = 1, interned_text = 2 };

enum track_descriptor : unsigned {
  track_uuid = 1,
  track_name = 2,
  track_process = 3,
  track_thread = 4,
  track_parent_uuid = 5,
  track_counter = 8,
  track_child_ordering = 11,
  track_sibling_order_rank = 12,
};
inline constexpr unsigned child_ordering_explicit = 3;

enum process_descriptor : unsigned { process_pid = 1, process_name = 6 };
enum thread_descriptor : unsigned { thread_pid = 1, thread_tid = 2, thread_name = 5 };
enum counter_descriptor : unsigned { counter_unit = 3 };
inline constexpr unsigned unit_count = 2;

enum track_event : unsigned {
  event_debug_annotations = 4,
  event_type = 9,
  event_name_iid = 10,
  event_track_uuid = 11,
  event_name = 23,
  event_counter_value = 30,
  event_flow_ids = 47,
  event_terminating_flow_ids = 48,
};
enum event_types : unsigned {
  type_slice_begin = 1,
  type_slice_end = 2,
  type_instant = 3,
  type_counter = 4,
};

enum debug_annotation : unsigned {
  annotation_name_iid = 1,
  annotation_bool_value = 2,
  annotation_uint_value = 3,
};

/// The fields of a message, encoded (protobuf.dev/programming-guides/encoding).
class fields {
public:
  void number(unsigned field, std::uint64_t value) {
    tag(field, 0);
    varint(value);
  }
  void fixed64(unsigned field, std::uint64_t value) {
    tag(field, 1);
    for (int i = 0; i < 8; ++i, value >>= 8)
      bytes_ += static_cast<char>(value & 0xff);
  }
  /// UTF-8, or the fields of a message.
  void text(unsigned field, std::string_view bytes) {
    tag(field, 2);
    varint(bytes.size());
    bytes_ += bytes;
  }
  void message(unsigned field, const fields& inner) { text(field, inner.bytes_); }

  void append(const fields& more) { bytes_ += more.bytes_; }

  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  void clear() noexcept { bytes_.clear(); }

private:
  void tag(unsigned field, unsigned encoding) { varint(field << 3 | encoding); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

} // namespace convoy::detail::perfetto
