// Two processors on one runtime, which share its pumps. On the model, with few messages.

#include "pipeline.hpp"

#include <memory>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::detail::thread;
using model::expect_works;
using model::history;
using model::must_submit;

/// One goes while the other works: a pump that has gone on to the other might not be seen to have left it, or
/// be in it still.
///
/// A bug that this found: a pump left one processor with a release, and entered the other with a relaxed store.
/// Who destroyed the first and saw the pump in the second took it for gone, and had synchronised with
/// nothing: in C++20 such a store does not go on with the release before it. Entering releases, too.
void expect_two_processors(unsigned concurrency) {
  expect_works(400, [concurrency] {
    history seen[2];
    int handled_by_one_that_went = 0;
    runtime rt{{.concurrency = concurrency}};
    {
      processor<int, int> stays{
          rt, [&](const int& key, int& m) { seen[key].see(m); }, {.capacity = 64, .partitions = 1}};
      thread other([&] {
        auto mine = std::make_unique<history>();
        {
          processor<int, int> goes{rt,
                                   [&](int& m) {
                                     mine->see(m);
                                     must_submit(stays, 1, m);
                                   },
                                   {.capacity = 64, .partitions = 1}};
          for (int i = 1; i <= 2; ++i)
            must_submit(goes, 1, i);
        }
        handled_by_one_that_went = mine->handled;
      });
      for (int i = 1; i <= 2; ++i)
        must_submit(stays, 0, i);
      other.join();
    }
    model::check(handled_by_one_that_went == 2, "lost in the one that went");
    model::check(seen[0].handled == 2 && seen[1].handled == 2, "lost in the one that stayed");
  });
}

TEST(neighbours, one_of_two_processors_goes) {
  expect_two_processors(1);
}

TEST(neighbours, one_of_two_processors_goes_beside_other_pumps) {
  expect_two_processors(2);
}

/// Both are used by two threads, and go one after the other.
TEST(neighbours, two_processors_of_two_threads) {
  expect_works(400, [] {
    history seen[2][2];
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> first{rt,
                                [&](const int& key, int& m) { seen[0][key].see(m); },
                                {.capacity = 1, .partitions = 1}};
      processor<int, int> second{rt,
                                 [&](const int& key, int& m) { seen[1][key].see(m); },
                                 {.capacity = 1, .partitions = 1}};
      thread other([&] {
        for (int i = 1; i <= 2; ++i) {
          must_submit(second, 1, i);
          must_submit(first, 1, i);
        }
      });
      for (int i = 1; i <= 2; ++i) {
        must_submit(first, 0, i);
        must_submit(second, 0, i);
      }
      other.join();
    }
    for (const auto& of_one : seen)
      for (const auto& each : of_one)
        model::check(each.handled == 2, "lost");
  });
}

} // namespace
