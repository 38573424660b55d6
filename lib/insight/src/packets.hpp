#pragma once

// The packets of a trace, all of one sequence, and what they have in common.

#include "perfetto.hpp"

#include <array>
#include <cstdint>
#include <ostream>
#include <string_view>
#include <utility>

namespace convoy::detail::perfetto {

/// What stands beside the name of an event.
enum annotation_iid : unsigned {
  messages_iid = 1,
  attempt_iid,
  attempts_iid,
  failed_iid,
  workers_iid,
  joined_iid,
  dropped_iid,
  hidden_iid,
};
constexpr std::array<std::pair<annotation_iid, const char*>, 8> annotation_names{
    {{messages_iid, "messages"},
     {attempt_iid, "attempt"},
     {attempts_iid, "attempts"},
     {failed_iid, "failed"},
     {workers_iid, "workers"},
     {joined_iid, "joined_ns"},
     {dropped_iid, "dropped"},
     {hidden_iid, "not_shown"}}};

[[nodiscard]] inline fields annotation(annotation_iid iid, std::uint64_t value) {
  fields entry, more;
  entry.number(annotation_name_iid, iid);
  entry.number(iid == failed_iid ? annotation_bool_value : annotation_uint_value, value);
  more.message(event_debug_annotations, entry);
  return more;
}

class packets {
public:
  explicit packets(std::ostream& out) : out_(out) {
    fields names;
    for (const auto& [iid, text] : annotation_names)
      names.message(interned_debug_annotation_names, name(iid, text));
    begin();
    packet_.message(packet_interned_data, names);
    end();
  }
  packets(const packets&) = delete;
  packets& operator=(const packets&) = delete;

  [[nodiscard]] static fields name(std::uint64_t iid, std::string_view text) {
    fields entry;
    entry.number(interned_iid, iid);
    entry.text(interned_text, text);
    return entry;
  }

  /// Returns its uuid. 0: no parent.
  std::uint64_t track(std::uint64_t parent, fields descriptor) {
    descriptor.number(track_uuid, ++uuids_);
    if (parent != 0) {
      descriptor.number(track_parent_uuid, parent);
      descriptor.number(track_sibling_order_rank, uuids_);
    }
    begin();
    packet_.message(packet_track_descriptor, descriptor);
    end();
    return uuids_;
  }

  /// `names`: entries of interned_data that it is the first to use.
  void event(std::uint64_t at, std::uint64_t track, event_types type, const fields& more = {},
             const fields& names = {}) {
    event_.clear();
    event_.number(event_type, type);
    event_.number(event_track_uuid, track);
    begin();
    packet_.number(packet_timestamp, at);
    if (!names.bytes().empty())
      packet_.message(packet_interned_data, names);
    packet_.text(packet_track_event, event_.bytes() + more.bytes());
    end();
  }

private:
  void begin() {
    packet_.clear();
    packet_.number(packet_trusted_packet_sequence_id, 1);
    packet_.number(packet_sequence_flags,
                   is_first_ ? seq_incremental_state_cleared : seq_needs_incremental_state);
    is_first_ = false;
  }
  void end() {
    framed_.clear();
    framed_.message(trace_packet, packet_);
    out_.write(framed_.bytes().data(), static_cast<std::streamsize>(framed_.bytes().size()));
  }

  std::ostream& out_;
  bool is_first_ = true;
  std::uint64_t uuids_ = 0;
  fields packet_, event_, framed_; // kept for their memory
};

} // namespace convoy::detail::perfetto
