// Who only looks, from outside, while a processor works: explain() takes the drainer's role for a moment,
// or leaves a request.

#include "pipeline.hpp"

#include <chrono>
#include <optional>
#include <span>

namespace {

using convoy::key_state;
using convoy::processor;
using convoy::runtime;
using convoy::detail::thread;
using model::expect_works;
using model::handled;
using model::must_submit;

/// What comes while the role is held for a look is handled: nobody else will see to it.
TEST(looking, strands_no_message) {
  expect_works(1'000, [] {
    handled all;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt, [&](int&) { all.one_more(); }, {.capacity = 64, .partitions = 1}};
    thread other([&] { (void)p.explain(1, std::chrono::hours(1)); });
    must_submit(p, 1, 1);
    all.wait_for(1);
    other.join();
  });
}

/// Nor a lane that comes back meanwhile, with more to do.
TEST(looking, strands_no_lane) {
  expect_works(600, [] {
    handled all;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{
        rt,
        [&](const int&, std::span<int>) { all.one_more(); },
        {.capacity = 64, .partitions = 1, .quantum_messages = 1, .batch_limit = 1}};
    must_submit(p, 1, 1);
    must_submit(p, 1, 2);
    thread other([&] { (void)p.explain(1, std::chrono::hours(1)); });
    all.wait_for(2);
    other.join();
  });
}

/// It sees what was accepted before it was called, until that is finished.
TEST(looking, sees_what_is_there) {
  expect_works(600, [] {
    handled begun, may_end;
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt,
                          [&](int&) {
                            begun.one_more();
                            may_end.wait_for(1);
                          },
                          {.capacity = 64, .partitions = 1}};
    p.pause(2);
    must_submit(p, 2, 1);
    p.fence(3, [] {}); // after it the pause has been served
    must_submit(p, 1, 1);
    begun.wait_for(1);
    const auto why = p.explain(1, std::chrono::hours(1)).state;
    may_end.one_more();
    model::check(why == key_state::ready || why == key_state::in_ring,
                 "the one that runs is not seen");
    p.resume(2);
    p.drain();
    model::check(p.explain(1, std::chrono::hours(1)).state == key_state::idle, "not finished");
  });
}

/// With insight: samples, levels and windows are nobody else's memory.
TEST(looking, at_a_processor_with_insight) {
  expect_works(300, [] {
    handled all;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt,
                          [&](int&) { all.one_more(); },
                          {.capacity = 64, .partitions = 1, .insight = {.top = 2}}};
    must_submit(p, 1, 1);
    thread other([&] {
      (void)p.explain(1, std::chrono::hours(1));
      (void)p.snapshot();
    });
    must_submit(p, 2, 1);
    all.wait_for(2);
    other.join();
  });
}

/// The sample of a handler that is stuck refers to its lane, which another pump frees when the handler
/// has come back at last; at the end of each window somebody looks at the sample.
TEST(looking, at_a_handler_whose_partition_was_taken_over) {
  expect_works(600, [] {
    handled others, stuck;
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt,
                          [&](const int& key, int&) {
                            if (key == 0)
                              others.wait_for(1);
                            else
                              others.one_more();
                            stuck.one_more();
                          },
                          {.capacity = 64,
                           .partitions = 1,
                           .insight = {.top = 2, .window = std::chrono::milliseconds(1)}}};
    must_submit(p, 0, 1);
    must_submit(p, 1, 1);
    thread other([&] { (void)p.snapshot(); });
    stuck.wait_for(2);
    other.join();
  });
}

/// Who takes a snapshot of all processors has pinned their insight: it may not go meanwhile.
TEST(looking, at_a_processor_with_insight_that_goes) {
  expect_works(400, [] {
    runtime rt{{.concurrency = 1}};
    std::optional<processor<int, int>> p;
    p.emplace(
        rt, [](int&) {},
        processor<int, int>::options{.capacity = 64, .partitions = 1, .insight = {.top = 2}});
    thread other([&] { model::check(rt.snapshot().size() <= 1, "more than there was"); });
    p.reset();
    other.join();
  });
}

/// Who records is told of runs that end meanwhile, and of none later.
TEST(looking, records_while_keys_come_and_go) {
  expect_works(300, [] {
    handled all;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt,
                          [&](int&) { all.one_more(); },
                          {.capacity = 64, .partitions = 1, .insight = {.top = 2}}};
    must_submit(p, 1, 1);
    thread other([&] {
      const auto seen = rt.record(std::chrono::milliseconds(1));
      model::check(seen.size() == 1 && seen[0].slices.size() <= 2, "more than there was");
    });
    must_submit(p, 2, 1);
    all.wait_for(2);
    other.join();
  });
}

} // namespace
