#pragma once

// What one worker sees of one processor's messages. Not each message is timed but one in some: so
// many that about 200 us lie between two of them, which is each one when they are slow.
// Which ones is drawn beforehand, and what they stand for as well: so sums of samples with their
// weights are right in the mean, whatever the handlers are like (Horvitz, Thompson 1952). Messages
// that run in a row are timed together, as soon as one of them is drawn.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/insight/recorder.hpp"
#include "convoy/detail/insight/time_histogram.hpp"
#include "convoy/detail/insight/top_keys.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace convoy::detail {

[[nodiscard]] inline double in_ns(clock::duration time) noexcept {
  const std::chrono::nanoseconds is = time;
  return static_cast<double>(is.count());
}

/// Of a window, of one worker or of all.
struct window_sums {
  top_keys by_service, by_messages, by_cost;
  time_histogram handler, latency;
  double service = 0; ///< ns, of all messages
  double messages = 0;
  double cost = 0; ///< ns that others of their keys waited for messages

  void clear() noexcept;
};

class worker_samples {
public:
  // ---- the worker ----

  /// At most so many messages are about to be handled in a row. True: they must be timed, by begin()
  /// and end(); false: they are counted.
  [[nodiscard]] bool must_time(std::uint32_t messages) noexcept { return before_next() < messages; }
  /// They were not.
  void pass(std::uint32_t messages) noexcept { until_ -= std::max(messages, 1u); }
  /// So many may be handled before the one that is to be timed.
  [[nodiscard]] std::uint32_t before_next() noexcept {
    if (is_blind_.load(std::memory_order_relaxed)) [[unlikely]] // a hint
      begin_anew();
    if (is_recorded_.load(std::memory_order_relaxed)) [[unlikely]] // likewise
      return 0;
    return until_ - 1;
  }

  /// They begin. `came`: the first one; `now` if that is not known.
  /// `unfinished`: messages of the key in its lane, which lives until end(); null: not known.
  /// `attempts`: of the first one, that have failed. `is_shared`: it is shared, and others of the key
  /// may run beside it.
  void begin(std::uint64_t hash, clock::time_point now, clock::time_point came, std::string&& label,
             const atomic<std::uint32_t>* unfinished = nullptr, unsigned attempts = 0,
             bool is_shared = false) noexcept;
  /// After begin(): what runs is a message of this key, too.
  void begin_also(std::uint64_t hash, std::string&& label,
                  const atomic<std::uint32_t>& unfinished) noexcept;
  [[nodiscard]] bool is_timing() const noexcept { return timing_; }
  /// So many have been handled since begin(), `behind` are left of the key.
  /// None: the handler has failed, which took its time.
  void end(clock::time_point now, std::uint32_t messages, std::uint32_t behind) noexcept;
  /// The lane goes. What was timed and is not over was taken over, as its handler was stuck: it
  /// counts whether it was drawn or not.
  void let_go() noexcept {
    if (timing_) [[unlikely]]
      end_stuck(clock::now());
  }

  /// A key was held, with so many messages.
  struct ended_hold {
    std::uint64_t hash;
    std::string label;
    clock::time_point begun, counted_until, ended;
    std::uint32_t messages;
    hold_reason why;
    unsigned attempts;
  };
  void note_held(ended_hold&& key) noexcept;
  /// Messages of a key have waited, in sum, as it is held. Any thread.
  void note_wait(std::uint64_t hash, clock::duration waited, std::string&& label) noexcept;

  /// A lane is run here, or what it is in reserve for; null: none.
  void runs(const void* lane) noexcept {
    lane_.store(lane, std::memory_order_relaxed); // who reads it only compares
  }

  // ---- who reads ----

  /// Whether it runs that lane; and since when, if it is timed.
  [[nodiscard]] bool runs_now(const void* lane, clock::time_point& since) noexcept;
  /// Whether a message of the key runs that is timed.
  [[nodiscard]] bool times_now(std::uint64_t hash, clock::time_point& since) noexcept;

  /// From now on everything is timed and noted.
  void start_recording(std::unique_ptr<recorder> with) noexcept;
  /// Null: none was started.
  [[nodiscard]] std::unique_ptr<recorder> stop_recording() noexcept;
  [[nodiscard]] bool runs() const noexcept {
    return lane_.load(std::memory_order_relaxed) != nullptr; // a hint
  }

  /// Exchanges what was summed up since the last time for `empty`. What runs and is timed is added
  /// as far as it has come. Returns how many keys' message runs.
  [[nodiscard]] std::size_t take(std::unique_ptr<window_sums>& empty, clock::time_point now);

private:
  void end_stuck(clock::time_point now) noexcept;
  void begin_anew() noexcept;
  void end(clock::time_point now, std::uint32_t messages, std::uint32_t behind,
           bool counts) noexcept;
  /// Of messages in a row those that are drawn; each stands for gap_ of them.
  [[nodiscard]] double draw(std::uint32_t messages) noexcept;
  void add(clock::time_point now, double weight, std::uint32_t messages, std::uint32_t behind,
           bool is_over) noexcept;

  std::uint32_t until_ = 1; // the next one that is drawn
  std::uint32_t gap_ = 1;   // between two of them, in the mean
  std::uint32_t drawn_ = 1; // until_ when it was drawn last
  double between_ = -1;     // ns from message to message, lately; or not known yet
  clock::time_point last_end_{};
  std::uint64_t random_ = 0x9e3779b97f4a7c15;
  bool timing_ = false;
  atomic<const void*> lane_{nullptr};
  atomic<bool> is_blind_{false};    // nothing was timed in a whole window: handlers may be slow now
  atomic<bool> is_recorded_{false}; // everything is to be timed

  mutex mutex_; // guards what follows
  bool running_ = false;
  std::uint64_t hash_ = 0;
  std::string label_;
  const atomic<std::uint32_t>* unfinished_ = nullptr;
  struct another_key {
    std::uint64_t hash;
    std::string label;
    const atomic<std::uint32_t>* unfinished;
  };
  std::vector<another_key> others_; // of a joint message
  clock::time_point began_{}, came_{};
  clock::time_point counted_{}; // until then what runs is in the sums
  unsigned attempts_ = 0;
  bool is_shared_ = false;
  std::unique_ptr<recorder> recorder_;
  std::unique_ptr<window_sums> sums_ = std::make_unique<window_sums>();
};

/// What several workers have of the largest keys, as one.
class merged_keys {
public:
  void add(const top_keys& of_a_worker);
  /// Its error says how much its value may be too high, `missing` how much too low.
  struct key : top_key {
    double missing = 0;
  };
  /// All, the largest first.
  [[nodiscard]] std::vector<key> sorted();

private:
  std::vector<key> keys_; // `missing` is what workers may have that do have it, so far
  std::unordered_map<std::uint64_t, std::size_t> index_;
  double least_ = 0;
};

} // namespace convoy::detail
