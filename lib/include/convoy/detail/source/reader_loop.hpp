#pragma once

// The thread in a consumer's run(), as far as it is the same for all brokers.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/detail/source/intake.hpp"
#include "convoy/detail/source/lanes.hpp"
#include "convoy/detail/source/source_options.hpp"
#include "convoy/source.hpp"
#include "convoy/time_span.hpp"

#include <chrono>
#include <vector>

namespace convoy::detail {

/// Reads while there is room, and looks after the rest in between. What the broker is asked for is
/// what derives from it.
class reader_loop {
public:
  reader_loop(const reader_loop&) = delete;
  reader_loop& operator=(const reader_loop&) = delete;
  virtual ~reader_loop() = default;

  /// Any thread, a signal handler's as well.
  void stop() noexcept { stopping.store(true, std::memory_order_relaxed); } // sooner or later
  /// Any thread.
  [[nodiscard]] std::vector<source_position> positions() const { return books.positions(); }

protected:
  /// The options were checked.
  reader_loop(const source_names& of, const source_options& options);

  // ---- of its broker, on the thread in run() ----

  /// False: it was told to stop meanwhile, and there is nothing to be read.
  [[nodiscard]] virtual bool begin() = 0;
  /// What can't wait for look(), each time before something is read. Never waits.
  virtual void serve() = 0;
  /// Hands on the next one, for which it waits at most so long, and then calls has_waited() first.
  /// False: there is none.
  [[nodiscard]] virtual bool read_one(std::chrono::milliseconds wait) = 0;
  /// Now and then.
  virtual void look() = 0;
  virtual void commit() = 0;
  /// No handler is to begin any more, and what was finished is to be committed.
  virtual void leave() = 0;

  // ---- for it ----

  /// Throws std::logic_error the second time.
  void only_once();
  /// begin(), then all the rest until it is stopped or `is_over`, then leave(), whatever is thrown.
  void read_to_the_end();
  /// Throws error, if a record has held up `what` ("its partition") for too long.
  void look_for_blocked(lane_control& lanes, const char* what);
  [[nodiscard]] static clock::time_point after(time_span span) { return later(clock::now(), span); }
  [[nodiscard]] bool is_stopping() const noexcept {
    return stopping.load(std::memory_order_relaxed); // publishes nothing
  }

  /// To be called after read_one() has waited for what it hands on.
  void has_waited(std::chrono::milliseconds wait) {
    if (wait.count() != 0)
      read_at = clock::now();
  }

  intake books;
  atomic<bool> stopping{false};
  /// When what is handed on was read: `delivery::since`. The clock is taken once for what is read in a
  /// row without waiting, most_reads_in_a_row at most, so records look older by less than that takes.
  /// A clock for each was an eighth of what the adaptor costs (bench/README.md).
  clock::time_point read_at{};
  bool is_over = false; ///< somebody else reads on

private:
  void read_on();
  void read_some();

  const source_names& names_;
  const std::chrono::nanoseconds commit_every_;
  atomic<bool> has_run_{false};
};

/// A reader as its consumer sees it.
template <class Record>
class record_reader : public reader_loop {
public:
  /// Null if they do not go to the broker.
  [[nodiscard]] virtual letter_box<Record>* dead_letters() noexcept = 0;
  virtual source_account run(record_lanes<Record>& to) = 0;

protected:
  using reader_loop::reader_loop;
};

} // namespace convoy::detail
