#pragma once

// A processor of records, as a reader and its dead letters see it.

#include "convoy/detail/source/assignment.hpp"
#include "convoy/detail/source/guarded.hpp"
#include "convoy/detail/source/intake.hpp"
#include "convoy/failure.hpp"
#include "convoy/options.hpp"
#include "convoy/processor.hpp"
#include "convoy/time_span.hpp"

#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <utility>

namespace convoy::detail {

/// Where records go. The reader's thread.
template <class Record>
class record_lanes : public lane_control {
public:
  /// Waits for room. Throws std::bad_alloc, and refused if the processor was closed; then the record
  /// is released unfinished.
  virtual void submit(const std::string& key, Record&& what) = 0;

protected:
  ~record_lanes() = default;
};

/// Where dead letters go, if they go to the broker.
template <class Record>
class letter_box {
public:
  /// Moves from the record and finishes it later, or throws dead_letter_refused.
  virtual void send(dead_letter<std::string, Record>& letter) = 0;

protected:
  ~letter_box() = default;
};

/// The sink that a processor of records has. A letter is finished when it is kept: by the user's
/// sink, or the broker. One that the user's sink throws at is not kept: it is offered again, as after
/// dead_letter_refused, or its position would stand still until the next assignment. With neither
/// there are none, but for what is purged: see processor_lanes.
template <class Record, class Access>
class record_sink {
public:
  using letter = dead_letter<std::string, Record>;

  record_sink(std::function<void(letter&)> users, letter_box<Record>* box)
      : users_(std::move(users)), box_(box) {}

  void operator()(letter& dead) {
    if (Access::of(dead.message) == nullptr || dead.why == death::shutdown)
      return; // it is somebody else's, or is read again
    delivery& its = *Access::of(dead.message);
    gate& way = its.home->gate_of(its);
    if (!way.enter())
      throw no_dead_letter(); // its partition is somebody else's, who reads it again
    way_out inside(way);
    if (users_) {
      offer_to_user(dead);
    } else if (box_ != nullptr) {
      return box_->send(dead); // it finishes it
    } else if (dead.why != death::purged) {
      throw dead_letter_refused(
          "convoy: a record has failed, and there is neither dead_letter_topic "
          "nor dead_letters: its key is parked until resume()",
          dead_letter_refused::then::park);
    }
    if (auto* const still = Access::of(dead.message); still != nullptr) {
      still->finished = still->is_dead = true;
      still->inside = inside.hand_on(); // it is released soon
    }
  }

private:
  void offer_to_user(letter& dead) {
    try {
      users_(dead);
    } catch (const dead_letter_refused&) {
      throw;
    } catch (...) {
      throw sink_failed(std::current_exception());
    }
  }

  std::function<void(letter&)> users_;
  letter_box<Record>* box_;
};

/// A processor, behind those two.
template <class Record, class State>
class processor_lanes final : public record_lanes<Record> {
public:
  using processor_type = processor<std::string, Record, State>;
  using options = processor_options<std::string, Record, State>;

  /// `parks`: there is no place for dead letters. What has failed for good parks its key, and has all
  /// its attempts again after resume().
  template <class Handler>
  processor_lanes(runtime& where, Handler handler, options wanted, bool parks)
      : processor_(where, guarded<Record, Handler>(std::move(handler), parks),
                   parks ? parking(std::move(wanted)) : std::move(wanted)) {}

  processor_lanes(const processor_lanes&) = delete;
  processor_lanes& operator=(const processor_lanes&) = delete;
  /// No gate is open any more, so it waits for no retry and no parked key, as the processor would.
  ~processor_lanes() { (void)processor_.shutdown(time_span(std::chrono::nanoseconds(0))); }

  [[nodiscard]] processor_type& get() noexcept { return processor_; }

  void submit(const std::string& key, Record&& what) override {
    const auto status = processor_.submit(key, std::move(what));
    if (status != submit_status::accepted)
      throw refused(status);
  }

  std::string why_blocked(const std::string& key, std::chrono::nanoseconds within) override {
    return to_string(processor_.explain(key, within));
  }

  void try_now(const std::string& key) override { processor_.try_now(key); }

  /// The sink meets closed gates, so these are no dead letters.
  void give_back(const std::string& key) override { processor_.purge(key); }

private:
  static options parking(options wanted) {
    if (!wanted.failure) { // as they are without one
      wanted.failure = failure_policy{};
      wanted.exceptions.push_back(
          {[](const std::exception_ptr&) noexcept { return true; }, {.attempts = 1}});
    }
    wanted.failure->then = exhausted::park;
    for (auto& each : wanted.exceptions)
      each.policy.then = exhausted::park;
    return wanted;
  }

  processor_type processor_;
};

} // namespace convoy::detail
