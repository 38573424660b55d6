#include "convoy/detail/source/reader_loop.hpp"

#include "convoy/detail/base/tuning.hpp"

#include <stdexcept>
#include <string>

namespace convoy::detail {

reader_loop::reader_loop(const source_names& of, const source_options& options)
    : books(intake_options{options.in_flight.records, options.in_flight.bytes,
                           options.blocked.after, options.blocked.then, options.report}),
      names_(of), commit_every_(options.commit.every) {}

void reader_loop::only_once() {
  if (has_run_.exchange(true, std::memory_order_relaxed)) // publishes nothing
    throw std::logic_error(std::string(names_.component) +
                           ": run() was called before: make another consumer");
}

void reader_loop::read_to_the_end() {
  const auto end = [this] {
    stop();
    leave();
  };
  try {
    if (begin())
      read_on();
  } catch (...) {
    end();
    throw;
  }
  end();
}

void reader_loop::read_on() {
  read_at = clock::now();
  auto next_look = read_at;
  auto next_commit = later(read_at, commit_every_);
  while (!is_stopping() && !is_over) {
    serve();
    books.collect();
    if (books.has_room())
      read_some();
    else
      books.wait_for_room(clock::now() + tuning::most_idle_read);
    read_at = clock::now();
    if (read_at >= next_look) {
      look();
      next_look = read_at + tuning::between_looks_of_reader;
    }
    if (read_at >= next_commit) {
      commit();
      next_commit = after(commit_every_);
    }
  }
}

void reader_loop::read_some() {
  for (int count = 0; count < tuning::most_reads_in_a_row && books.has_room(); ++count)
    if (!read_one(count == 0 ? tuning::most_idle_read : std::chrono::milliseconds(0)))
      return;
}

void reader_loop::look_for_blocked(lane_control& lanes, const char* what) {
  if (books.look_for_blocked(lanes, clock::now()))
    throw source_error(std::string(names_.component) + ": a record has held up " + what +
                       " for too long (blocked::stop)");
}

} // namespace convoy::detail
