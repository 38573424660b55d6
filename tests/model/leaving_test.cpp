// What a key must leave behind when it is told to end: nothing that lingers, nobody who is not told, and no count
// of parked keys.

#include "pipeline.hpp"

#include <chrono>
#include <span>

namespace {

using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::detail::clock;
using convoy::detail::thread;
using model::expect_works;
using model::handled;
using model::must_submit;

/// What lingers for more messages is handled at once, though something that is scheduled for much later keeps
/// the processor from its end.
TEST(leaving, nothing_lingers) {
  expect_works(300, [] {
    handled all;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt,
                          [&](const int&, std::span<int>) { all.one_more(); },
                          {.capacity = 64, .partitions = 1, .linger = std::chrono::hours(1)}};
    auto later = p.submit_after(2, std::chrono::hours(2), 1);
    model::check(later.status() == submit_status::accepted, "refused");
    must_submit(p, 1, 1);
    thread other([&] { (void)p.shutdown(clock::now() + std::chrono::hours(3)); });
    all.wait_for(1);
    model::check(later.cancel(), "gone");
    other.join();
    model::check(p.account().completed == 1 && p.account().balanced(), "lost, or buried");
  });
}

/// Whoever asked for a callback before has been told when shutdown() says that all is over.
TEST(leaving, callbacks_are_called_before_shutdown_returns) {
  expect_works(400, [] {
    bool told = false;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt, [](int&) {}, {.capacity = 64, .partitions = 1}};
    must_submit(p, 1, 1);
    p.fence([&] { told = true; });
    (void)p.shutdown(clock::now() + std::chrono::hours(1));
    model::check(told, "not told");
  });
}

/// A purge of a key that is parked, or that parks while the purge waits for it.
TEST(leaving, what_is_purged_is_not_parked) {
  for (const bool waits : {false, true})
    expect_works(200, [waits] {
      handled began, asked;
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](int&) {
                              began.one_more();
                              if (waits)
                                asked.wait_for(1);
                              return outcome::park;
                            },
                            {.capacity = 64, .partitions = 1}};
      must_submit(p, 1, 1);
      began.wait_for(1);
      if (!waits)
        while (p.parked() == 0)
          convoy::detail::sleep_for(std::chrono::microseconds(10));
      p.purge(1);
      p.fence(2, [&] { asked.one_more(); }); // by then the purge knows whether the lane is out
      p.drain();
      model::check(p.parked() == 0, "still counted as parked");
    });
}

} // namespace
