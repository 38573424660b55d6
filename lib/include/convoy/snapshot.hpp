#pragma once

// What a processor did in the last complete window, as processor::snapshot() and
// runtime::snapshot() tell it.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/observer.hpp"
#include "convoy/source.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace convoy {

/// Of times, in a window. Percentiles are the upper end of a class that is 6 % wide. What runs in a row of a
/// key counts with its mean.
struct distribution {
  std::chrono::nanoseconds mean{0}, p50{0}, p99{0}, p999{0}, max{0};
};

/// Of all windows so far, each added when it is complete: it only grows, so that rates over any time
/// can be told. Of samples, as a window's figures are.
struct running_total {
  std::chrono::duration<double> sum{0};
  double count = 0; ///< messages
};

/// One of a snapshot's keys. A joint message counts for each of its keys with its whole time, so all
/// shares of a list may add up to more than 1.
struct key_share {
  std::string label; ///< see insight_options::label
  double share = 0;  ///< of all keys' in the window: service time, messages, or time waited
  double low = 0;    ///< the share is at least this,
  double high = 0;   ///< and at most this, in 94 of 100 windows or more
  double messages_per_second = 0;
  std::uint64_t depth = 0; ///< messages of it that waited when a worker last looked
  std::chrono::nanoseconds handler_time{0}; ///< mean
  /// How long its messages have waited for each other, a second of the window. Estimated behind one that
  /// stands still or waits for other keys: as if all that are there had been there since the survey before.
  std::chrono::nanoseconds waited{0};
  std::chrono::nanoseconds to_drain{0}; ///< its depth takes so long, at least: one at a time
};

/// A key that stands still though no handler of it runs. A joint message that has stopped is listed
/// under one of its keys, as one message.
struct held_key {
  std::string label; ///< see insight_options::label
  hold_reason why = hold_reason::retry;
  std::uint64_t depth = 0;           ///< messages of it that are not finished
  std::chrono::nanoseconds since{0}; ///< it has stood still for so long
  std::chrono::nanoseconds until{0}; ///< and does for so long yet, if that is known
  unsigned attempts = 0;             ///< of its first message that have failed
};

/// Where the time of all messages went, from submit to the end of their handler; the sum is 1, or 0
/// if there were none.
struct wait_split {
  double admission = 0; ///< submit() slept: the processor, or the key, was full
  double own_key = 0;   ///< others of the key were before it: the convoy
  double scheduler = 0; ///< it was the first of its key, and no worker was free
  double backoff = 0;   ///< it waited for a retry, was parked, paused or suspended, or lingered
  double service = 0;   ///< its handler ran
};

/// Keys with unfinished messages, when last looked at. All keys of a joint message count as it does,
/// once it is at its turn in all of them. Shared messages count one by one.
struct lane_counts {
  std::size_t running = 0;   ///< a worker runs it; cheap handlers are seldom seen
  std::size_t waiting = 0;   ///< for a worker
  std::size_t backoff = 0;   ///< for a retry
  std::size_t parked = 0;    ///< until resume(), after a failure
  std::size_t paused = 0;    ///< until resume(), after pause()
  std::size_t lingering = 0; ///< for a whole batch
  std::size_t suspended = 0; ///< their handler is a coroutine, and awaits something
  std::size_t joint = 0;     ///< for the turn of their joint message in another key
  /// Of these or of others: at their key_capacity, or refused as their rate is used up.
  std::size_t limited = 0;
};

struct snapshot {
  std::string name; ///< of the processor
  unsigned workers = 0;

  // ---- since the processor was made ----
  std::uint64_t accepted = 0, finished = 0, dead = 0;
  std::uint64_t conflated = 0; ///< of the finished: merged into others

  std::uint64_t backlog = 0;              ///< unfinished messages, just now
  std::vector<source_position> positions; ///< just now, see processor_options::positions

  // ---- at the end of the window ----
  lane_counts lanes;
  /// How long the oldest unfinished message has waited, held ones too; since it was released, if it
  /// was. Up to a window less where no worker could look.
  std::chrono::nanoseconds oldest{0};
  std::vector<held_key> held; ///< those that have stood still longest

  // ---- of the window; if there was none yet, all 0 ----
  std::chrono::nanoseconds window{0}; ///< how long it was
  std::chrono::nanoseconds age{0};    ///< since its end
  double accepted_per_second = 0, finished_per_second = 0;
  distribution handler;
  distribution latency; ///< from submit, or the release of what was held, to the end of the handler
  wait_split wait;      ///< of all messages, those that are not finished too; not so the latency
  double utilisation = 0; ///< share of the workers' time that handlers ran
  /// How near the window is to what order allows: the larger of the work per worker and the work of
  /// the hottest key, over its length. Low with a backlog means time was lost. Of a key's shared
  /// messages, which go beside each other, none counts as its work here.
  double efficiency = 0;
  /// All keys' work of the window over the hottest key's: no number of workers does that faster than
  /// so many. A hot key that could not do more has a depth besides. As above of shared messages; 0:
  /// there were no others.
  double speedup_ceiling = 0;

  // ---- of all windows so far ----
  running_total handler_total, latency_total;
  /// By rank in hottest, the service time of whichever key had that rank in a window.
  std::vector<std::chrono::duration<double>> hottest_total;

  /// Labels of keys tell nothing about them: see insight_options::label.
  bool labels_are_hashes = true;
  std::vector<key_share> hottest;   ///< by service time
  std::vector<key_share> most;      ///< by messages
  std::vector<key_share> costliest; ///< by the time that others of the key waited for it
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
