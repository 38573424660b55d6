#include <algorithm>
#include <convoy/convoy.hpp>
#include <iostream>
#include <thread>

// Orders from any source that can be read again from a position: a file, a Redis stream, a table. After a
// crash what is not known to be finished is read again, and only that: nothing is lost.

struct order {
  std::size_t position;
  convoy::watermark::number number; // of this delivery
};
using orders = convoy::processor<std::string, order>;
struct database { // what a crash leaves
  std::string committed;
  std::vector<int> handled = std::vector<int>(10'000); // how often, by position
};

/// A process: it reads until it crashes, or to the end.
static void live(database& db, std::size_t end, const std::string& paused) {
  const auto was = convoy::progress_from_text(db.committed, "orders").value_or(convoy::progress());
  convoy::watermark marks(5'000, was.lowest);
  orders::options options;
  options.observe.finished = [&](auto&, const order& its) { marks.finish(its.number); };
  options.observe.dead = [&](auto&, const order& its, convoy::death why) {
    if (why != convoy::death::shutdown) // else the next process handles it
      marks.finish(its.number);
  };
  convoy::runtime rt;
  orders worker{rt, [&](order& its) { ++db.handled[its.position]; }, options};
  worker.pause(paused);
  auto done = was.finished.begin(); // what was finished before is passed over
  for (auto position = was.lowest; position < end; ++position) {
    if (done != was.finished.end() && position == done->first) {
      marks.pass(done->end);
      position = done++->end - 1;
      continue;
    }
    auto number = marks.deliver(position);
    for (; !number; number = marks.deliver(position), std::this_thread::yield())
      marks.collect(); // so many are unfinished
    (void)worker.submit(position % 4 == 3 ? "bob" : "anna", {position, *number}); // waits for room
    if (position % 1'000 == 999 && done == was.finished.end()) { // else that commit tells more
      marks.collect();
      db.committed = convoy::to_text(marks.so_far(), "orders");
    }
  }
  worker.shutdown(std::chrono::seconds(paused.empty() ? 60 : 0)); // 0: it crashes
}

int main() {
  database db;
  live(db, 7'500, "bob");
  live(db, 2'000, "bob"); // it does not come to all that was finished before
  live(db, db.handled.size(), "");
  const auto lost = std::ranges::count(db.handled, 0), once = std::ranges::count(db.handled, 1);
  const auto twice = std::ssize(db.handled) - lost - once;
  std::cout << lost << " lost, " << twice << " handled twice\n";
  return lost == 0 ? 0 : 1;
}
