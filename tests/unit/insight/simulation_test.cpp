#include <algorithm>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <deque>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

// What lanes do, simulated: against a reference that is too simple to be wrong, and where the result
// is known.

namespace {

using convoy::detail::simulated_limits;
using convoy::detail::simulated_message;
using convoy::detail::simulated_place;
using convoy::detail::simulated_times;

constexpr auto unlimited = std::numeric_limits<std::size_t>::max();

std::vector<simulated_times> simulate(const std::vector<simulated_message>& load, unsigned workers,
                                      const simulated_limits& limits = {}) {
  std::uint32_t keys = 0;
  for (const auto& each : load)
    keys = std::max(keys, each.key + 1);
  for (const auto& each : limits.further)
    keys = std::max(keys, each.key + 1);
  std::vector<simulated_times> times(load.size());
  convoy::detail::simulate(load, keys, workers, times, limits);
  return times;
}

/// Looks at every message at every moment.
class reference {
public:
  reference(const std::vector<simulated_message>& load, unsigned workers,
            const simulated_limits& limits)
      : load_(load), workers_(workers), limits_(limits), states_(load.size()), times_(load.size()) {
  }

  std::vector<simulated_times> run() && {
    for (std::int64_t now = 0; count(state::done) < load_.size(); ++now)
      for (bool any = true; any;) { // each of them
        any = wake_some(now);
        any = end_some(now) || any;
        any = arrive_some(now) || any;
        any = any || begin_some(now); // when it is known who may
      }
    return times_;
  }

private:
  enum class state { not_there, waits, sleeps, wants_core, has_core, done };

  [[nodiscard]] std::size_t count(state which) const {
    return static_cast<std::size_t>(std::ranges::count(states_, which));
  }
  [[nodiscard]] std::size_t running() const {
    return count(state::sleeps) + count(state::wants_core) + count(state::has_core);
  }

  /// In the order of waking, and of messages where that is equal.
  bool wake_some(std::int64_t now) {
    bool any = false;
    for (std::size_t i = 0; i < load_.size(); ++i)
      if (states_[i] == state::sleeps && times_[i].begun + load_[i].service_ns == now) {
        states_[i] = state::wants_core;
        want_core_.push_back(i);
        any = true;
      }
    return any;
  }

  bool end_some(std::int64_t now) {
    bool any = false;
    for (std::size_t i = 0; i < load_.size(); ++i)
      if (states_[i] == state::has_core && times_[i].done == now) {
        states_[i] = state::done;
        any = true;
      }
    while (!want_core_.empty() && count(state::has_core) < limits_.cores) {
      states_[want_core_.front()] = state::has_core;
      times_[want_core_.front()].done = now + limits_.core_ns;
      want_core_.pop_front();
      any = true;
    }
    return any;
  }

  bool arrive_some(std::int64_t now) {
    bool any = false;
    for (std::size_t i = 0; i < load_.size(); ++i)
      if (states_[i] == state::not_there) {
        if (load_[i].arrival_ns > now || places_taken() + keys_of(i).size() > limits_.capacity)
          break;
        states_[i] = state::waits;
        any = true;
      }
    return any;
  }

  bool begin_some(std::int64_t now) {
    bool any = false;
    for (std::size_t i = 0; i < load_.size(); ++i)
      if (states_[i] == state::waits && is_first(i) && running() < workers_) {
        states_[i] = state::sleeps;
        times_[i].begun = now;
        any = true;
      }
    return any;
  }

  [[nodiscard]] bool is_first(std::size_t message) const {
    for (std::size_t i = 0; i < message; ++i)
      if (states_[i] != state::done)
        for (const auto mine : keys_of(message))
          for (const auto others : keys_of(i))
            if (mine == others)
              return false;
    return true;
  }

  [[nodiscard]] std::vector<std::uint32_t> keys_of(std::size_t message) const {
    std::vector<std::uint32_t> keys{load_[message].key};
    for (const auto& each : limits_.further)
      if (each.message == message)
        keys.push_back(each.key);
    return keys;
  }

  [[nodiscard]] std::size_t places_taken() const {
    std::size_t taken = 0;
    for (std::size_t i = 0; i < load_.size(); ++i)
      if (states_[i] != state::not_there && states_[i] != state::done)
        taken += keys_of(i).size();
    return taken;
  }

  const std::vector<simulated_message>& load_;
  std::size_t workers_;
  simulated_limits limits_;
  std::vector<state> states_;
  std::deque<std::size_t> want_core_;
  std::vector<simulated_times> times_;
};

std::string text(const std::vector<simulated_times>& times) {
  std::string all;
  for (const auto& each : times)
    all += std::to_string(each.begun) + '-' + std::to_string(each.done) + ' ';
  return all;
}

TEST(simulation, is_what_a_reference_makes_of_random_loads) {
  for (unsigned seed = 0; seed < 3'000; ++seed) {
    std::mt19937 random(seed);
    const auto draw = [&](unsigned most) { return static_cast<unsigned>(random() % (most + 1)); };
    std::vector<simulated_message> load(1 + draw(30));
    const auto keys = 1 + draw(8), gap = draw(3), service = draw(6), workers = 1 + draw(4);
    constexpr unsigned most_further = 3;
    std::vector<simulated_place> further;
    const simulated_limits others{.capacity = draw(1) == 0 ? unlimited : 1 + draw(10),
                                  .cores = 1 + draw(3),
                                  .core_ns = draw(2)};
    std::int64_t now = 0;
    for (auto& each : load)
      each = {now += draw(gap), draw(service), draw(keys - 1)};
    if (seed % 2 == 1 && others.capacity > most_further)
      for (std::uint32_t i = 0; i < load.size(); ++i)
        for (std::uint32_t key = load[i].key + 1, left = draw(most_further); left > 0;
             --left, ++key)
          further.push_back({i, key});
    auto limits = others;
    limits.further = further;
    ASSERT_EQ(text(simulate(load, workers, limits)), text(reference(load, workers, limits).run()))
        << "seed " << seed;
  }
}

TEST(simulation, of_one_key_is_one_after_the_other_on_however_many_workers) {
  const std::vector<simulated_message> load{{0, 5, 0}, {1, 3, 0}, {20, 4, 0}, {21, 1, 0}};
  for (const unsigned workers : {1U, 2U, 1024U})
    EXPECT_EQ(text(simulate(load, workers)), "0-5 5-8 20-24 24-25 ");
}

TEST(simulation, of_one_worker_is_in_order_of_arrival_where_keys_do_not_wait_for_themselves) {
  std::mt19937 random(7);
  std::vector<simulated_message> load;
  for (std::uint32_t i = 0; i < 10'000; ++i)
    load.push_back({i / 3, 1 + static_cast<std::int64_t>(random() % 5), i});
  std::int64_t end = 0;
  for (std::size_t i = 0; const auto& each : simulate(load, 1)) {
    EXPECT_EQ(each.begun, std::max(end, load[i].arrival_ns));
    end = each.done;
    EXPECT_EQ(end, each.begun + load[i++].service_ns);
  }
}

TEST(simulation, takes_equal_arrivals_as_they_are_listed) {
  const std::vector<simulated_message> load{{3, 2, 2}, {3, 2, 1}, {3, 2, 0}, {3, 2, 3}};
  EXPECT_EQ(text(simulate(load, 1)), "3-5 5-7 7-9 9-11 ");
  EXPECT_EQ(text(simulate(load, 2)), "3-5 3-5 5-7 5-7 ");
}

TEST(simulation, takes_the_key_whose_first_message_came_first) {
  // Key 0 is ready again when the only worker is free; its second message came before key 1's.
  EXPECT_EQ(text(simulate({{0, 3, 0}, {1, 2, 0}, {2, 1, 1}, {3, 1, 0}}, 1)), "0-3 3-5 5-6 6-7 ");
  // And here after it.
  EXPECT_EQ(text(simulate({{0, 3, 0}, {1, 1, 1}, {2, 2, 0}}, 1)), "0-3 3-4 4-6 ");
}

TEST(simulation, keeps_messages_out_that_there_is_no_room_for) {
  const std::vector<simulated_message> load{{0, 5, 0}, {0, 5, 0}, {0, 1, 1}, {6, 1, 2}};
  EXPECT_EQ(text(simulate(load, 4, {.capacity = 2})), "0-5 5-10 5-6 6-7 ");
  EXPECT_EQ(text(simulate(load, 4, {.capacity = 1})), "0-5 5-10 10-11 11-12 ");
}

TEST(simulation, needs_a_core_to_end) {
  // Four sleep for 10 and are awake at the same moment; a core takes 2 for each.
  const std::vector<simulated_message> load{{0, 10, 0}, {0, 10, 1}, {0, 10, 2}, {0, 10, 3}};
  EXPECT_EQ(text(simulate(load, 4, {.cores = 1, .core_ns = 2})), "0-12 0-14 0-16 0-18 ");
  EXPECT_EQ(text(simulate(load, 4, {.cores = 2, .core_ns = 2})), "0-12 0-12 0-14 0-14 ");
  EXPECT_EQ(text(simulate(load, 4, {.cores = 9, .core_ns = 2})), "0-12 0-12 0-12 0-12 ");
}

TEST(simulation, of_nothing_is_nothing) {
  EXPECT_TRUE(simulate({}, 3).empty());
}

TEST(simulation, finds_the_makespan_of_uniform_keys_on_many_workers) {
  // 100 keys of 10 messages on 1,024 workers: all keys at once. On 100 / 2 workers it takes twice
  // as long.
  std::vector<simulated_message> load;
  for (std::uint32_t i = 0; i < 1'000; ++i)
    load.push_back({0, 7, i % 100});
  const auto makespan = [&](unsigned workers) {
    return std::ranges::max(simulate(load, workers), {}, &simulated_times::done).done;
  };
  EXPECT_EQ(makespan(1024), 70);
  EXPECT_EQ(makespan(100), 70);
  EXPECT_EQ(makespan(50), 140);
  EXPECT_EQ(makespan(1), 7'000);
}

// ---- conflation ----

constexpr simulated_limits conflating{.conflates = true};

TEST(simulation, lets_the_latest_of_those_that_wait_stand_for_the_others) {
  std::vector<simulated_message> load;
  for (std::int64_t at = 0; at < 10; ++at)
    load.push_back({at, 4, 0});
  const auto times = simulate(load, 1, conflating);
  const std::vector<std::int64_t> begun{0, -1, -1, 4, -1, -1, -1, 8, -1, 12};
  for (std::size_t i = 0; i < begun.size(); ++i)
    EXPECT_EQ(times[i].begun, begun[i]) << i;
  EXPECT_EQ(times[1].done, 2); // when the next one came
  EXPECT_EQ(times[9].done, 16);
}

TEST(simulation, that_conflates_gives_room_back_at_once) {
  std::vector<simulated_message> load;
  for (std::int64_t at = 0; at < 10; ++at)
    load.push_back({at, 100, 0});
  const auto times = simulate(load, 1, {.capacity = 3, .conflates = true});
  EXPECT_EQ(times[9].begun, 100);
  EXPECT_EQ(times[9].done, 200);
}

TEST(simulation, that_conflates_keeps_order_and_loses_nothing) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    std::mt19937 random(seed);
    std::vector<simulated_message> load;
    std::int64_t at = 0;
    for (int i = 0; i < 200; ++i)
      load.push_back({at += static_cast<std::int64_t>(random() % 3),
                      static_cast<std::int64_t>(1 + random() % 10),
                      static_cast<std::uint32_t>(random() % 4)});
    const auto times = simulate(load, 1 + seed % 3, conflating);
    std::vector<std::int64_t> free(4), merged(4);
    for (std::size_t i = 0; i < load.size(); ++i) {
      const auto key = load[i].key;
      merged[key] = times[i].begun < 0;
      if (merged[key] != 0)
        continue;
      ASSERT_GE(times[i].begun, std::max(free[key], load[i].arrival_ns)) << seed << ", " << i;
      ASSERT_EQ(times[i].done, times[i].begun + load[i].service_ns) << seed << ", " << i;
      free[key] = times[i].done;
    }
    for (const auto last : merged)
      EXPECT_EQ(last, 0) << seed; // nothing comes that could stand for it
  }
}

} // namespace
