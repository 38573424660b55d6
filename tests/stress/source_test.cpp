#include "oracle.hpp"
#include "source/source.hpp"

#include <algorithm>
#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Partitions come and go at random while their records are handled, fail, are parked and moved away.
// What was not finished comes again. The oracle does not synchronise.

namespace {

using namespace source_test;
using convoy::position_range;
using convoy::test::effort;
using convoy::test::repeat_with;
using convoy::test::seed;

constexpr std::size_t partitions = 4, keys = 6;

/// Of a partition's log.
struct entry {
  std::uint64_t position;
  std::size_t partition, key;
  std::uint64_t number; ///< of the partition's records of its key: 1, 2, 3, …
};

/// Of one key. Plain: only its handler and its sink touch it.
struct alignas(64) key_of_storm {
  int inside = 0;
  std::uint64_t overlaps = 0, disorder = 0, repeated = 0;
  std::uint64_t last[partitions] = {};

  void see(const entry& what) {
    overlaps += inside++ != 0;
    auto& highest = last[what.partition];
    if (what.number <= highest)
      ++repeated;
    else if (what.number == highest + 1)
      ++highest;
    else
      ++disorder; // one was passed over, or comes too early
    --inside;
  }
};

struct log {
  std::vector<int> entries; ///< which
  progress committed;
  std::size_t next = 0; ///< to be read
  assignment* open = nullptr;
};

struct how {
  bool graceful = true; ///< whoever gives a partition back waits until it is quiet, and commits
  bool moves_away = false;
  std::size_t records = 200; ///< in flight
};

class storm {
public:
  explicit storm(how wanted, std::uint64_t count) : how_(wanted), random_(seed()) {
    std::uint64_t numbers[partitions][keys] = {};
    for (std::size_t p = 0; p < partitions; ++p)
      for (std::uint64_t i = 0, at = draw(3); i < count; ++i, at += 1 + (draw(8) == 0)) {
        const auto key = draw(keys);
        logs_[p].entries.push_back(static_cast<int>(all_.size()));
        all_.push_back({at, p, key, ++numbers[p][key]});
      }
    auto bounds = usual();
    bounds.records = wanted.records;
    bounds.report = [](std::string_view) {};
    books_ = std::make_unique<intake>(std::move(bounds));
  }

  template <class Handler>
  void run(Handler handler) {
    using lanes_type = convoy::detail::processor_lanes<record, void>;
    std::thread finisher([this] { finish_what_is_away(); });
    {
      lanes_type lanes(runtime_, std::move(handler),
                       {.batch_limit = 8,
                        .failure = convoy::failure_policy{.attempts = 3,
                                                          .backoff = std::chrono::microseconds(50)},
                        .dead_letters = sink([this](letter& one) { see(one.message); }, nullptr)},
                       false);
      read_all(lanes);
      for (auto& each : logs_)
        give_back(each, true);
      for (const auto& each : logs_)
        EXPECT_EQ(each.committed, (progress{end_of(each), {}})) << repeat_with();
    }
    {
      const std::lock_guard lock(away_lock_);
      over_ = true;
    }
    finisher.join();
    expect_all_handled();
  }

  /// Of a handler or sink: it is handled.
  void see(record& what) {
    const auto& its = all_[static_cast<std::size_t>(what.content())];
    oracles_[its.key].see(its);
  }
  [[nodiscard]] outcome handle(record& what) {
    thread_local std::mt19937_64 random(seed() ^
                                        std::hash<std::thread::id>()(std::this_thread::get_id()));
    switch (random() % 64) {
    case 0:
      return outcome::retry;
    case 1:
      return outcome::skip;
    case 2:
      return outcome::park;
    case 3:
      return outcome::retry_after(std::chrono::microseconds(random() % 500));
    case 4:
      throw std::runtime_error("thrown");
    case 5:
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
      break;
    default:
      break;
    }
    see(what);
    if (how_.moves_away && random() % 16 == 0) {
      const std::lock_guard lock(away_lock_);
      away_.push_back(std::move(what));
    }
    return outcome::done;
  }

private:
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }
  [[nodiscard]] std::uint64_t end_of(const log& its) const {
    return all_[static_cast<std::size_t>(its.entries.back())].position + 1;
  }
  [[nodiscard]] bool is_done() const {
    return std::all_of(std::begin(logs_), std::end(logs_),
                       [&](const log& each) { return each.committed.lowest == end_of(each); });
  }

  template <class Lanes>
  void read_all(Lanes& lanes) {
    while (!is_done()) {
      auto& its = logs_[draw(partitions)];
      switch (draw(40)) {
      case 0:
        give_back(its, how_.graceful);
        break;
      case 1:
        if (its.open != nullptr)
          its.committed = its.open->so_far();
        break;
      case 2:
        lanes.get().resume(std::to_string(draw(keys)));
        break;
      case 3:
        (void)books_->look_for_blocked(lanes, clock::now());
        books_->publish([](const auto&, auto&) {});
        break;
      default:
        if (its.open == nullptr)
          open(its);
        books_->collect();
        if (!books_->has_room())
          books_->wait_for_room(clock::now() + std::chrono::microseconds(200));
        for (auto left = draw(20); left != 0 && books_->has_room(); --left)
          if (!read(its, lanes))
            break;
      }
    }
  }

  void open(log& its) {
    its.open = &books_->open("t", its.committed.lowest, its.committed, &flying::make);
    its.next = 0;
    while (its.next < its.entries.size() && at(its).position < its.committed.lowest)
      ++its.next;
  }
  [[nodiscard]] const entry& at(const log& its) const {
    return all_[static_cast<std::size_t>(its.entries[its.next])];
  }

  template <class Lanes>
  bool read(log& its, Lanes& lanes) {
    if (its.next == its.entries.size())
      return false;
    const auto& what = at(its);
    const int content = its.entries[its.next++];
    if (its.open->was_finished(what.position)) {
      books_->count_passed_over();
      return true;
    }
    auto& flight = static_cast<flying&>(*its.open->begin(what.position));
    record held = access::make(flight);
    flight.content = content;
    flight.bytes = 1;
    flight.key = std::to_string(what.key); // of all partitions
    flight.since = clock::now();
    books_->count(flight);
    lanes.submit(flight.key, std::move(held));
    return true;
  }

  void give_back(log& its, bool gracefully) {
    if (its.open == nullptr)
      return;
    books_->retire(*its.open);
    if (gracefully) {
      EXPECT_TRUE(books_->wait_until_quiet(clock::now() + patience, [] {})) << repeat_with();
      its.committed = its.open->so_far();
    }
    books_->forget(*std::exchange(its.open, nullptr));
  }

  /// Some are finished, some are given up.
  void finish_what_is_away() {
    for (std::uint64_t i = 0;; ++i) {
      std::deque<record> some;
      {
        const std::lock_guard lock(away_lock_);
        some.swap(away_);
        if (over_ && some.empty())
          return;
      }
      for (auto& each : some)
        if (++i % 8 != 0)
          each.done();
      some.clear();
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }

  void expect_all_handled() {
    std::uint64_t last[partitions][keys] = {}, repeated = 0;
    for (const auto& each : all_)
      last[each.partition][each.key] = std::max(last[each.partition][each.key], each.number);
    for (std::size_t k = 0; k < keys; ++k) {
      EXPECT_EQ(oracles_[k].overlaps, 0u) << repeat_with();
      EXPECT_EQ(oracles_[k].disorder, 0u) << repeat_with();
      for (std::size_t p = 0; p < partitions; ++p)
        EXPECT_EQ(oracles_[k].last[p], last[p][k]) << "lost; " << repeat_with();
      repeated += oracles_[k].repeated;
    }
    if (how_.graceful && !how_.moves_away) {
      EXPECT_EQ(repeated, 0u) << "handled twice; " << repeat_with();
    }
    books_->collect();
    books_->publish([](const auto&, auto&) {});
    const auto account = books_->account();
    EXPECT_TRUE(balanced(account)) << repeat_with();
    EXPECT_GE(account.handled + account.dead_letters + repeated, all_.size());
    EXPECT_EQ(flying::alive.load(), 0) << "an assignment is left; " << repeat_with();
  }

  const how how_;
  std::mt19937_64 random_;
  std::vector<entry> all_;
  log logs_[partitions];
  key_of_storm oracles_[keys];

  std::mutex away_lock_;
  std::deque<record> away_;
  bool over_ = false;

  convoy::runtime runtime_{{.concurrency = 4}};
  std::unique_ptr<intake> books_;
};

void expect_single_ones(how wanted) {
  storm its(wanted, 3000 * effort());
  its.run([&](record& what) { return its.handle(what); });
}

/// A span is done up to the first that fails.
void expect_spans(how wanted) {
  storm its(wanted, 3000 * effort());
  its.run([&](const std::string&, std::span<record> some) {
    for (std::size_t i = 0; i < some.size(); ++i) {
      outcome one = outcome::done;
      try {
        one = its.handle(some[i]);
      } catch (const std::runtime_error&) {
        one = outcome::skip;
      }
      if (one.what() != outcome::kind::done)
        return one.at(i);
    }
    return outcome::done;
  });
}

TEST(storm_of_partitions, given_back_in_time) {
  expect_single_ones({});
}
TEST(storm_of_partitions, given_back_in_time_with_spans) {
  expect_spans({});
}
TEST(storm_of_partitions, lost) {
  expect_single_ones({.graceful = false});
}
TEST(storm_of_partitions, lost_with_spans) {
  expect_spans({.graceful = false, .records = 50});
}
TEST(storm_of_partitions, of_records_that_are_moved_away) {
  expect_single_ones({.moves_away = true});
}
TEST(storm_of_partitions, lost_as_records_are_moved_away) {
  expect_spans({.graceful = false, .moves_away = true, .records = 50});
}

} // namespace
