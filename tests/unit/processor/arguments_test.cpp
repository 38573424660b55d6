#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <functional>
#include <future>
#include <gmock/gmock.h>
#include <map>
#include <mutex>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

// Arguments that refer into what a call moves mean what they meant at the call; and a bulk that throws says
// how much of it was accepted.

namespace {

using namespace std::chrono_literals;
using convoy::bulk_interrupted;
using convoy::outcome;
using convoy::place;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::ElementsAre;

struct order {
  std::string id; // its key
  int number = 0;
};

/// Keys long enough to be moved away from.
std::string long_key(int i) {
  return "a key that is longer than what a std::string keeps inside, number " + std::to_string(i);
}

class key_in_the_message : public testing::Test {
protected:
  using orders = processor<std::string, order>;

  auto handler() {
    return [this](const std::string& key, order& o) {
      const std::lock_guard lock(mutex);
      handled[key].push_back(o.number);
      ids_are_keys = ids_are_keys && o.id == key;
    };
  }

  runtime rt{{.concurrency = 2}};
  std::mutex mutex;
  std::map<std::string, std::vector<int>> handled;
  bool ids_are_keys = true;
};

TEST_F(key_in_the_message, is_the_key_of_each_single_submit) {
  for (const std::size_t key_capacity : {0u, 100u}) {
    handled.clear();
    orders p{rt, handler(), {.key_capacity = key_capacity}};
    for (int i = 0; i < 8; ++i) {
      order o{long_key(i % 2), i};
      switch (i / 2) {
      case 0:
        EXPECT_EQ(p.submit(o.id, std::move(o)), submit_status::accepted);
        break;
      case 1:
        EXPECT_EQ(p.try_submit(o.id, std::move(o)), submit_status::accepted);
        break;
      case 2:
        EXPECT_EQ(p.submit_after(o.id, 1ms, std::move(o)).status(), submit_status::accepted);
        break;
      default:
        EXPECT_EQ(p.submit_at(o.id, {}, std::move(o)).status(), submit_status::accepted);
      }
    }
    EXPECT_TRUE(eventually([&] { return p.scheduled_messages() == 0; }));
    p.drain();
    EXPECT_EQ(handled.size(), 2u);
    EXPECT_EQ(handled[long_key(0)].size(), 4u);
    EXPECT_EQ(handled[long_key(1)].size(), 4u);
    EXPECT_TRUE(ids_are_keys);
  }
}

TEST_F(key_in_the_message, waits_for_room_as_any_other) {
  gate held;
  orders p{rt,
           [&, record = handler()](const std::string& key, order& o) {
             held.pass();
             record(key, o);
           },
           {.capacity = 1}};
  order first{long_key(0), 0}, second{long_key(1), 1};
  ASSERT_EQ(p.submit(first.id, std::move(first)), submit_status::accepted);
  held.await_visitors();
  std::jthread waits(
      [&] { EXPECT_EQ(p.submit(second.id, std::move(second)), submit_status::accepted); });
  std::this_thread::sleep_for(20ms);
  held.open();
  waits.join();
  p.drain();
  EXPECT_EQ(handled.size(), 2u);
  EXPECT_TRUE(ids_are_keys);
}

TEST_F(key_in_the_message, is_the_key_of_all_that_come_back) {
  for (const auto where : {place::behind, place::before})
    for (const std::size_t key_capacity : {0u, 100u}) {
      handled.clear();
      orders p{rt, handler(), {.key_capacity = key_capacity}};
      for (std::size_t from : {0u, 2u}) { // whichever of them the key lies in
        std::vector<order> back;
        for (int i = 0; i < 3; ++i)
          back.push_back({long_key(7), i});
        EXPECT_EQ(p.resubmit(back[from].id, back, where).accepted, 3u);
      }
      p.drain();
      EXPECT_EQ(handled.size(), 1u);
      EXPECT_EQ(handled[long_key(7)].size(), 6u);
      EXPECT_TRUE(ids_are_keys);
    }
}

TEST_F(key_in_the_message, is_the_key_of_letters_that_are_redriven) {
  convoy::dead_letter_store<std::string, order> store;
  bool skips = true;
  orders p{rt,
           [&, record = handler()](const std::string& key, order& o) -> outcome {
             if (skips)
               return outcome::skip;
             record(key, o);
             return outcome::done;
           },
           {.dead_letters = std::ref(store)}};
  for (int i = 0; i < 4; ++i)
    ASSERT_EQ(p.submit(long_key(1), {long_key(1), i}), submit_status::accepted);
  p.drain();
  skips = false;
  const std::string* key = nullptr;
  store.visit([&](const auto& letter) { key = &letter.message.id; });
  EXPECT_EQ(store.redrive(p, *key).accepted, 4u);
  p.drain();
  EXPECT_THAT(handled[long_key(1)], ElementsAre(0, 1, 2, 3));
  EXPECT_TRUE(ids_are_keys);
}

TEST_F(key_in_the_message, is_the_key_of_each_element_of_a_bulk) {
  for (const std::size_t capacity : {10u, 10'000u}) // one at a time, and as chunks
    for (const std::size_t key_capacity : {0u, 1'000u}) {
      handled.clear();
      orders p{rt, handler(), {.capacity = capacity, .key_capacity = key_capacity}};
      std::size_t submitted = 600;
      std::vector<order> all;
      for (int i = 0; i < 600; ++i)
        all.push_back({long_key(i % 3), i});
#if !defined(__clang__) || __clang_major__ >= 16 // it can't use libstdc++'s views
      auto made = all | std::views::transform([](order& o) {
                    return std::pair<const std::string&, order&&>(o.id, std::move(o));
                  });
      EXPECT_EQ(p.submit_bulk(made).accepted, 600u);
      submitted += 600;
      for (int i = 0; i < 600; ++i)
        all[static_cast<std::size_t>(i)] = {long_key(i % 3), i};
#endif
      std::vector<std::tuple<const std::string&, order&&>> references;
      for (auto& o : all)
        references.emplace_back(o.id, std::move(o));
      EXPECT_EQ(p.submit_bulk(std::move(references)).accepted, 600u);
      p.drain();
      EXPECT_EQ(handled.size(), 3u);
      for (const auto& [key, numbers] : handled)
        EXPECT_EQ(numbers.size(), submitted / 3) << key;
      EXPECT_TRUE(ids_are_keys);
    }
}

TEST(key_in_the_callable, is_the_key_it_had_at_the_call) {
  struct job {
    std::string key;
    std::vector<std::string>* keys;
    void operator()() { keys->push_back(key); }
  };
  runtime rt{{.concurrency = 1}};
  std::vector<std::string> keys;
  gate held;
  convoy::keyed_executor<std::string> jobs{rt, {.key_capacity = 2}};
  ASSERT_EQ(jobs.submit(long_key(0), [&] { held.pass(); }), submit_status::accepted);
  held.await_visitors();
  std::vector<std::future<void>> results;
  for (int i = 0; i < 2; ++i) {
    job each{long_key(i), &keys};
    results.push_back(jobs.async(each.key, std::move(each)));
    job another{long_key(10 + i), &keys};
    EXPECT_EQ(jobs.submit(another.key, std::move(another)), submit_status::accepted);
  }
  EXPECT_EQ(jobs.try_submit(long_key(0), [] {}), submit_status::key_full); // each has its own key
  EXPECT_EQ(jobs.try_submit("", [] {}), submit_status::accepted);
  held.open();
  for (auto& each : results)
    each.get();
  jobs.drain();
  EXPECT_THAT(keys,
              testing::UnorderedElementsAre(long_key(0), long_key(1), long_key(10), long_key(11)));
}

// ---- a bulk that throws ----

struct refuses_copies {
  explicit refuses_copies(int its_number, bool is_bad = false) : number(its_number), bad(is_bad) {}
  refuses_copies(const refuses_copies& other) : number(other.number), bad(other.bad) {
    if (bad)
      throw std::domain_error("this one is not copied");
  }
  refuses_copies(refuses_copies&&) noexcept = default;
  int number;
  bool bad;
};

/// What is nested in it, as std::domain_error.
void expect_nested(const bulk_interrupted& thrown) {
  EXPECT_THROW(thrown.rethrow_nested(), std::domain_error);
  EXPECT_STRNE(thrown.what(), "");
}

TEST(bulk_that_throws, says_how_many_it_accepted) {
  for (const std::size_t key_capacity : {0u, 1'000u})
    for (const std::size_t bad : {1u, 5u, 255u, 256u, 300u, 599u}) {
      runtime rt{{.concurrency = 2}};
      std::vector<int> handled;
      processor<int, refuses_copies> p{rt,
                                       [&](refuses_copies& m) { handled.push_back(m.number); },
                                       {.key_capacity = key_capacity}};
      std::vector<std::pair<int, refuses_copies>> all;
      for (std::size_t i = 0; i < 600; ++i)
        all.emplace_back(1, refuses_copies(static_cast<int>(i), i == bad));
      try {
        (void)p.submit_bulk(all);
        ADD_FAILURE() << "nothing was thrown";
      } catch (const bulk_interrupted& thrown) {
        EXPECT_EQ(thrown.accepted(), bad);
        expect_nested(thrown);
      }
      all[bad].second.bad = false;
      EXPECT_EQ(p.submit_bulk(std::span(all).subspan(bad)).accepted,
                600 - bad); // and goes on there
      p.drain();
      ASSERT_EQ(handled.size(), 600u);
      EXPECT_TRUE(std::ranges::is_sorted(handled));
      EXPECT_EQ(p.account().accepted, 600u);
    }
}

#if !defined(__clang__) || __clang_major__ >= 16 // as above
/// What a range makes on the fly can't be read again.
TEST(bulk_that_throws, has_accepted_what_was_read_before_its_range_threw) {
  for (const int bad : {0, 1, 100, 256, 300}) {
    runtime rt{{.concurrency = 1}};
    std::vector<int> handled;
    processor<int, int> p{rt, [&](int& m) { handled.push_back(m); }};
    auto made = std::views::iota(0, 600) | std::views::transform([&](int i) {
                  if (i == bad)
                    throw std::domain_error("can't be read");
                  return std::pair(1, i);
                });
    std::size_t accepted = 0;
    try {
      (void)p.submit_bulk(made);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const bulk_interrupted& thrown) {
      accepted = thrown.accepted();
      expect_nested(thrown);
    } catch (const std::domain_error&) {
    }
    EXPECT_EQ(accepted, static_cast<std::size_t>(bad));
    p.drain();
    EXPECT_EQ(handled.size(), accepted);
  }
}
#endif

TEST(bulk_that_throws, throws_what_a_submit_throws_if_nothing_was_accepted) {
  runtime rt{{.concurrency = 1}};
  processor<int, refuses_copies> p{rt, [](refuses_copies&) {}};
  std::vector<std::pair<int, refuses_copies>> all;
  all.emplace_back(1, refuses_copies(1, true));
  EXPECT_THROW((void)p.submit_bulk(all), std::domain_error);
  EXPECT_EQ(p.account().accepted, 0u);
}

/// One of its copies throws.
struct counting_key {
  static inline std::atomic<int> copies_left{1'000'000};
  explicit counting_key(int its_number) : number(its_number) {}
  counting_key(const counting_key& other) : number(other.number) {
    if (copies_left-- == 0)
      throw std::domain_error("this key is not copied");
  }
  counting_key(counting_key&&) noexcept = default;
  bool operator==(const counting_key& other) const { return number == other.number; }
  int number;
};
struct hash_of_counting {
  std::size_t operator()(const counting_key& key) const noexcept {
    return static_cast<std::size_t>(key.number);
  }
};

TEST(bulk_that_throws, of_messages_that_come_back_says_so_too) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> handled;
  processor<counting_key, int, void, hash_of_counting> p{rt, [&](int& m) { handled.push_back(m); }};
  std::vector<int> back{1, 2, 3, 4};
  counting_key::copies_left = 3;
  try {
    (void)p.resubmit(counting_key(1), back);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const bulk_interrupted& thrown) {
    counting_key::copies_left = 1'000'000;
    p.drain();
    EXPECT_EQ(thrown.accepted(), handled.size());
    EXPECT_GE(thrown.accepted(), 1u);
    expect_nested(thrown);
  }
  EXPECT_EQ(p.account().accepted, handled.size());
}

TEST(bulk_that_throws, of_letters_that_are_redriven_keeps_exactly_the_others) {
  runtime rt{{.concurrency = 1}};
  convoy::dead_letter_store<counting_key, int, hash_of_counting> store;
  std::vector<int> handled[2];
  bool skips = true;
  processor<counting_key, int, void, hash_of_counting> p{rt,
                                                         [&](int& m) -> outcome {
                                                           if (skips)
                                                             return outcome::skip;
                                                           handled[m / 10].push_back(m);
                                                           return outcome::done;
                                                         },
                                                         {.dead_letters = std::ref(store)}};
  for (int key = 0; key < 2; ++key)
    for (int i = 0; i < 4; ++i)
      ASSERT_EQ(p.submit(counting_key(key), 10 * key + i), submit_status::accepted);
  p.drain();
  skips = false;
  ASSERT_EQ(store.size(), 8u);
  for (int copies = 3; store.size() != 0; ++copies) {
    const auto before = store.size();
    std::size_t accepted = 0;
    counting_key::copies_left = copies;
    try {
      accepted = store.redrive_all(p).accepted;
    } catch (const bulk_interrupted& thrown) {
      accepted = thrown.accepted();
      expect_nested(thrown);
    } catch (const std::domain_error&) {
    }
    counting_key::copies_left = 1'000'000;
    EXPECT_EQ(store.size(), before - accepted);
  }
  p.drain();
  EXPECT_THAT(handled[0], ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(handled[1], ElementsAre(10, 11, 12, 13));
}

} // namespace
