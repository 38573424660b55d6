#pragma once

// The reader's books: which assignments there are, what is in flight, and what holds them up.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/source/assignment.hpp"
#include "convoy/source.hpp"
#include "convoy/time_span.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy::detail {

/// What a reader asks of the lanes, whatever state these have.
class lane_control {
public:
  /// These throw what processor::explain() and resume() throw.
  virtual std::string why_blocked(const std::string& key, std::chrono::nanoseconds within) = 0;
  /// Its first record is tried again at once, unless the key is paused.
  virtual void try_now(const std::string& key) = 0;
  /// What its lane has so far leaves it, paused or not, but for what a worker has: no gate of these
  /// records is open any more. A key that is paused stays so.
  virtual void give_back(const std::string& key) = 0;

protected:
  ~lane_control() = default;
};

struct intake_options {
  std::size_t records, bytes; ///< in flight at once
  std::chrono::nanoseconds blocked_after;
  blocked then;
  std::function<void(std::string_view)> report;
};

/// The reader's alone, but for positions() and account(), which any thread may ask for.
class intake {
public:
  explicit intake(intake_options options) : options_(std::move(options)) {}
  intake(const intake&) = delete;
  intake& operator=(const intake&) = delete;
  /// The lanes are gone. If somebody still has records, their memory stays.
  ~intake();

  /// As assignment's. Throws std::bad_alloc.
  assignment& open(std::string name, std::uint64_t first, progress done_before,
                   assignment::maker make);

  /// What is in flight leaves room for another record. If records of assignments that are gone still
  /// wait in lanes, behind a handler that does not return, as many are let in besides, and as many
  /// bytes.
  [[nodiscard]] bool has_room() const noexcept {
    return live_ < options_.records && bytes_ < options_.bytes && !is_full_of_what_was_given_back();
  }
  /// Sleeps until there is, or the deadline.
  void wait_for_room(clock::time_point deadline);

  /// The delivery is on its way, with key and bytes set.
  void count(delivery& its);
  void count_passed_over() noexcept { ++account_.passed_over; }

  /// Takes in what was finished.
  void collect();

  /// No handler begins any more; wait_until_quiet() waits for those that run.
  void retire(assignment& its);
  /// False: some still run. Collects.
  [[nodiscard]] bool wait_until_quiet(clock::time_point deadline,
                                      const std::function<void()>& meanwhile);
  /// The assignment's positions are committed, or never will be.
  void forget(assignment& its) noexcept;

  /// While nothing is open: what was given back leaves its lanes, also those that are parked or paused.
  /// Nobody else would see to it, and in the end there would be no room.
  void clear_lanes(lane_control& lanes, clock::time_point deadline);

  /// Reports what has held up its partition for too long, as far as that is known within some
  /// milliseconds; the rest next time. True: and that is to end it all.
  [[nodiscard]] bool look_for_blocked(lane_control& lanes, clock::time_point now);

  /// What positions() tells from now on. `fill` adds what the broker knows.
  void publish(const std::function<void(const assignment&, source_position&)>& fill);

  // ---- any thread ----

  [[nodiscard]] std::vector<source_position> positions() const;
  /// True in the end; a moment late before.
  [[nodiscard]] source_account account() const;

private:
  [[nodiscard]] bool is_full_of_what_was_given_back() const noexcept {
    return live_ + retired_count_ >= 2 * options_.records ||
           bytes_ / 2 + retired_bytes_ / 2 >= options_.bytes;
  }
  void gone(const delivery& its) noexcept;
  void drop_retired() noexcept;
  void tell_blocked(const assignment& of, delivery& its, std::chrono::nanoseconds since,
                    const std::string& why);
  void look_for_room();

  const intake_options options_;
  std::unique_ptr<room_event> room_ = std::make_unique<room_event>();
  std::vector<std::unique_ptr<assignment>> open_, retired_;
  std::size_t live_ = 0, bytes_ = 0, retired_count_ = 0, retired_bytes_ = 0;
  bool told_no_room_ = false;
  source_account account_;

  mutable mutex published_lock_;
  std::vector<source_position> published_;
  source_account published_account_;
};

} // namespace convoy::detail
