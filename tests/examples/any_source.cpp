#include <algorithm>
#include <atomic>
#include <convoy/convoy.hpp>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

// Orders from any source that can be read again from a position: a file, a Redis stream, a table. After a
// crash what is not known to be finished is read again, and only that: nothing is lost.

struct order {
  std::size_t position;
  convoy::watermark::number number; // of this delivery
};

/// What a crash leaves.
struct database {
  std::string committed;
  std::vector<std::atomic<int>> handled = std::vector<std::atomic<int>>(10'000);
};

/// A process: it reads until it crashes, or to the end.
static void live(database& db, std::size_t end, bool bob_is_paused) {
  const auto before =
      convoy::progress_from_text(db.committed, "orders").value_or(convoy::progress{});
  convoy::watermark marks(5'000, before.lowest);
  convoy::processor<std::string, order>::options options;
  options.observe.finished = [&](auto&, const order& its) { marks.finish(its.number); };
  options.observe.dead = [&](auto&, const order& its, convoy::death why) {
    if (why != convoy::death::shutdown) // else the next process handles it
      marks.finish(its.number);
  };
  convoy::runtime rt;
  const auto handle = [&](order& its) { ++db.handled[its.position]; };
  convoy::processor<std::string, order> worker{rt, handle, options};
  if (bob_is_paused)
    worker.pause("bob");

  auto done = before.finished.begin(); // what was finished before is passed over
  for (auto position = before.lowest; position < end; ++position) {
    if (done != before.finished.end() && position == done->first) {
      marks.pass(done->end);
      position = done++->end - 1;
      continue;
    }
    auto number = marks.deliver(position);
    for (; !number; number = marks.deliver(position), std::this_thread::yield())
      marks.collect(); // so many are unfinished
    (void)worker.submit(position % 4 == 3 ? "bob" : "anna", {position, *number}); // waits for room
    const bool knows_all = done == before.finished.end(); // else the last commit still tells more
    if (position % 1'000 == 999 && knows_all) {
      marks.collect();
      db.committed = convoy::to_text(marks.so_far(), "orders");
    }
  }
  worker.shutdown(std::chrono::seconds(bob_is_paused ? 0 : 60)); // 0: it crashes
}

int main() {
  database db;
  live(db, 7'500, true);
  live(db, 2'000, true); // it does not come to all that was finished before
  live(db, db.handled.size(), false);
  const auto count = [&](auto&& is) { return std::ranges::count_if(db.handled, is); };
  const auto twice = count([](int n) { return n > 1; });
  const bool all = count([](int n) { return n == 0; }) == 0;
  std::cout << (all ? "all handled, " : "some were lost, ") << twice << " of them twice\n";
  return all && twice < 1'500 ? 0 : 1;
}
