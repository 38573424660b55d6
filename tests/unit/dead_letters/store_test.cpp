#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_store.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <gmock/gmock.h>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using convoy::bulk_result;
using convoy::dead_letter_refused;
using convoy::place;
using convoy::store_full;
using convoy::submit_status;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using pair = std::pair<std::string, int>;

/// Where a letter ends that nobody else keeps: messages that only move show that none is lost.
using only_moves = std::unique_ptr<int>;
using store_type = convoy::dead_letter_store<std::string, only_moves>;

only_moves number(int value) {
  return std::make_unique<int>(value);
}

/// What the processor does with a dead message. Whose message is left behind was not taken.
template <class Store>
void offer(Store& store, const std::string& key, only_moves& what) {
  typename Store::dead_letter letter{.key = key, .message = what, .sequence = 0};
  store(letter);
}

void fill(store_type& store, const std::vector<pair>& letters) {
  for (const auto& [key, value] : letters) {
    auto what = number(value);
    offer(store, key, what);
    EXPECT_EQ(what, nullptr);
  }
}

std::vector<pair> content(const store_type& store) {
  std::vector<pair> all;
  store.visit([&](const auto& entry) { all.emplace_back(entry.key, *entry.message); });
  return all;
}

/// Takes back so many messages, and calls what is set while it does.
struct fake_resubmitter {
  std::size_t room = std::numeric_limits<std::size_t>::max();
  submit_status status_without_room = submit_status::full;
  std::function<void()> meanwhile = [] {};
  std::vector<pair> got = {};
  std::vector<place> where = {};

  bulk_result resubmit(const std::string& key, std::span<only_moves> messages, place at) {
    where.push_back(at);
    meanwhile();
    if (at == place::before && messages.size() > room)
      return {0, status_without_room};
    bulk_result result;
    for (auto& one : messages) {
      if (room == 0)
        return {result.accepted, status_without_room};
      --room;
      ++result.accepted;
      got.emplace_back(key, *std::exchange(one, nullptr));
    }
    return result;
  }
};

TEST(dead_letter_store, keeps_what_a_processor_gives_it) {
  convoy::runtime rt{{.concurrency = 2}};
  convoy::dead_letter_store<std::string, std::string> store;
  {
    convoy::processor<std::string, std::string> p{
        rt,
        [](std::string& m) { throw std::runtime_error("why " + m); },
        {.dead_letters = std::ref(store)}};
    for (const char* m : {"a", "b"})
      ASSERT_EQ(p.submit("key", m), submit_status::accepted);
    p.drain();
  }
  std::vector<std::string> seen;
  store.visit("key", [&](const auto& entry) {
    EXPECT_EQ(entry.key, "key");
    EXPECT_EQ(entry.attempts, 1u);
    EXPECT_EQ(entry.why, convoy::death::failed);
    EXPECT_LE(entry.first_failed, entry.died);
    EXPECT_EQ(entry.first_error, entry.last_error);
    try {
      std::rethrow_exception(entry.last_error);
    } catch (const std::exception& e) {
      seen.push_back(entry.message + ": " + e.what());
    }
  });
  EXPECT_THAT(seen, ElementsAre("a: why a", "b: why b"));
  const auto taken = store.take("key");
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_LT(taken.front().sequence, taken.back().sequence);
}

TEST(dead_letter_store, lists_keys_in_the_order_of_their_first_letters) {
  store_type store;
  EXPECT_THAT(store.keys(), IsEmpty());
  fill(store, {{"b", 1}, {"a", 2}, {"b", 3}, {"c", 4}, {"a", 5}});
  EXPECT_EQ(store.size(), 5u);
  EXPECT_THAT(store.keys(), ElementsAre("b", "a", "c"));
  EXPECT_THAT(content(store),
              ElementsAre(pair("b", 1), pair("b", 3), pair("a", 2), pair("a", 5), pair("c", 4)));
}

TEST(dead_letter_store, gives_letters_out) {
  store_type store;
  fill(store, {{"b", 1}, {"a", 2}, {"b", 3}, {"c", 4}, {"a", 5}});
  const auto taken = store.take("b");
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(*taken.front().message, 1);
  EXPECT_EQ(*taken.back().message, 3);
  EXPECT_THAT(store.take("b"), IsEmpty());
  EXPECT_EQ(store.discard("c"), 1u);
  EXPECT_EQ(store.discard("c"), 0u);
  EXPECT_EQ(store.size(), 2u);
  fill(store, {{"c", 6}});
  std::vector<int> all;
  for (const auto& entry : store.take_all())
    all.push_back(*entry.message);
  EXPECT_THAT(all, ElementsAre(2, 5, 6));
  EXPECT_EQ(store.size(), 0u);
  EXPECT_THAT(store.keys(), IsEmpty());
}

TEST(dead_letter_store, refuses_options_that_make_no_sense) {
  const auto error_of = [](store_type::options wanted) -> std::string {
    try {
      store_type store(std::move(wanted));
      return "";
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
  };
  EXPECT_THAT(error_of({.capacity = 0}), HasSubstr("capacity must be at least 1"));
  EXPECT_THAT(error_of({.when_full = store_full::overflow}), HasSubstr("overflow must be set"));
  EXPECT_THAT(error_of({.overflow = [](auto&) {}}), HasSubstr("overflow must be empty"));
  EXPECT_EQ(error_of({.capacity = 1}), "");
}

TEST(dead_letter_store, refuses_when_full_and_leaves_the_message) {
  using then = dead_letter_refused::then;
  for (const auto& [when_full, next] :
       {std::pair(store_full::wait, then::offer_again), std::pair(store_full::park, then::park)}) {
    store_type store({.capacity = 2, .when_full = when_full});
    EXPECT_EQ(store.capacity(), 2u);
    fill(store, {{"a", 1}, {"b", 2}});
    auto third = number(3);
    try {
      offer(store, "a", third);
      ADD_FAILURE() << "it was stored";
    } catch (const dead_letter_refused& refused) {
      EXPECT_EQ(refused.next(), next);
      EXPECT_THAT(refused.what(), HasSubstr("full"));
    }
    ASSERT_NE(third, nullptr);
    EXPECT_EQ(*third, 3);
    EXPECT_EQ(store.discard("b"), 1u);
    offer(store, "a", third);
    EXPECT_THAT(content(store), ElementsAre(pair("a", 1), pair("a", 3)));
  }
}

TEST(dead_letter_store, overflows_into_another_sink) {
  std::vector<pair> overflown;
  store_type store(
      {.capacity = 1, .when_full = store_full::overflow, .overflow = [&](auto& letter) {
         if (*letter.message == 3)
           throw std::runtime_error("of the other sink");
         overflown.emplace_back(letter.key, *std::exchange(letter.message, nullptr));
       }});
  fill(store, {{"a", 1}, {"a", 2}});
  auto third = number(3);
  EXPECT_THROW(offer(store, "a", third), std::runtime_error);
  EXPECT_NE(third, nullptr);
  EXPECT_THAT(content(store), ElementsAre(pair("a", 1)));
  EXPECT_THAT(overflown, ElementsAre(pair("a", 2)));
}

/// Its copies share the number of copies that will be made; the next one throws.
struct fragile_key {
  explicit fragile_key(std::string of) : name(std::move(of)) {}
  fragile_key(const fragile_key& other) : name(other.name), copies(other.copies) {
    if ((*copies)-- == 0)
      throw std::bad_alloc();
  }
  bool operator==(const fragile_key& other) const noexcept { return name == other.name; }
  std::string name;
  std::shared_ptr<int> copies = std::make_shared<int>(0);
};
struct name_hash {
  std::size_t operator()(const fragile_key& key) const noexcept {
    return std::hash<std::string>{}(key.name);
  }
};

TEST(dead_letter_store, stores_nothing_without_memory) {
  const fragile_key key("a");
  convoy::dead_letter_store<fragile_key, only_moves, name_hash> store;
  auto what = number(7);
  convoy::dead_letter<fragile_key, only_moves> letter{.key = key, .message = what, .sequence = 0};
  const auto refuses_after = [&](int good_copies) {
    const auto before = store.size();
    const auto alive = key.copies.use_count();
    *key.copies = good_copies;
    try {
      store(letter);
      ADD_FAILURE() << "it was stored";
    } catch (const dead_letter_refused& refused) {
      EXPECT_EQ(refused.next(), dead_letter_refused::then::offer_again);
    }
    EXPECT_NE(what, nullptr);
    EXPECT_EQ(store.size(), before);
    EXPECT_EQ(key.copies.use_count(), alive);
    *key.copies = 1'000;
  };
  refuses_after(0); // the copy for the key's place
  refuses_after(1); // the letter's
  EXPECT_THAT(store.take(key), IsEmpty());
  store(letter);
  what = number(8);
  refuses_after(0); // the second letter's
  EXPECT_EQ(*store.take(key).front().message, 7);
}

TEST(dead_letter_store, redrives_a_key_in_order) {
  store_type store;
  fake_resubmitter processor;
  fill(store, {{"a", 1}, {"b", 2}, {"a", 3}});
  const auto result = store.redrive(processor, "a", place::before);
  EXPECT_EQ(result.accepted, 2u);
  EXPECT_EQ(result.status, submit_status::accepted);
  EXPECT_THAT(processor.got, ElementsAre(pair("a", 1), pair("a", 3)));
  EXPECT_THAT(processor.where, ElementsAre(place::before));
  EXPECT_THAT(content(store), ElementsAre(pair("b", 2)));
  EXPECT_EQ(store.size(), 1u);
}

TEST(dead_letter_store, tells_of_a_key_without_letters) {
  store_type store;
  fake_resubmitter processor;
  fill(store, {{"a", 1}});
  try {
    (void)store.redrive(processor, "b");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), HasSubstr("the key has no letters"));
  }
  EXPECT_THAT(processor.where, IsEmpty());
}

TEST(dead_letter_store, keeps_what_a_redrive_left_in_front_of_newer_letters) {
  store_type store({.capacity = 5});
  fake_resubmitter processor{.room = 1};
  fill(store, {{"a", 1}, {"b", 2}, {"a", 3}, {"a", 4}});
  processor.meanwhile = [&] { // a thread of its own, as a sink's would be: no lock must be held now
    std::thread([&] {
      fill(store, {{"a", 5}});
      auto sixth = number(6); // those on their way back still take their room
      EXPECT_THROW(offer(store, "a", sixth), dead_letter_refused);
      EXPECT_THAT(content(store), ElementsAre(pair("b", 2), pair("a", 5)));
      EXPECT_EQ(store.size(), 5u);
    }).join();
  };
  const auto result = store.redrive(processor, "a");
  EXPECT_EQ(result.accepted, 1u);
  EXPECT_EQ(result.status, submit_status::full);
  EXPECT_THAT(content(store), ElementsAre(pair("b", 2), pair("a", 3), pair("a", 4), pair("a", 5)));
  EXPECT_EQ(store.size(), 4u);
  processor = {};
  EXPECT_EQ(store.redrive(processor, "a").accepted, 3u);
  EXPECT_THAT(processor.got, ElementsAre(pair("a", 3), pair("a", 4), pair("a", 5)));
  EXPECT_THAT(store.keys(), ElementsAre("b"));
}

TEST(dead_letter_store, lets_others_take_the_rest_of_a_key_that_is_redriven) {
  store_type store;
  fake_resubmitter processor{.room = 0};
  fill(store, {{"a", 1}, {"a", 2}});
  processor.meanwhile = [&] {
    fill(store, {{"a", 3}});
    EXPECT_EQ(store.discard("a"), 1u);
    EXPECT_THAT(store.keys(), IsEmpty());
    EXPECT_EQ(store.size(), 2u);
  };
  EXPECT_EQ(store.redrive(processor, "a").accepted, 0u);
  EXPECT_THAT(content(store), ElementsAre(pair("a", 1), pair("a", 2)));
}

TEST(dead_letter_store, keeps_all_if_the_processor_throws) {
  store_type store;
  fake_resubmitter processor;
  fill(store, {{"a", 1}, {"a", 2}});
  processor.meanwhile = [&] {
    fill(store, {{"a", 3}});
    throw std::bad_alloc();
  };
  EXPECT_THROW((void)store.redrive(processor, "a"), std::bad_alloc);
  EXPECT_THAT(content(store), ElementsAre(pair("a", 1), pair("a", 2), pair("a", 3)));
  EXPECT_EQ(store.size(), 3u);
}

TEST(dead_letter_store, redrives_all_key_by_key) {
  store_type store;
  fake_resubmitter processor;
  fill(store, {{"b", 1}, {"a", 2}, {"b", 3}, {"c", 4}});
  processor.meanwhile = [&] { fill(store, {{"b", 5}}); }; // dies again: it has to wait for its turn
  EXPECT_EQ(store.redrive_all(processor).accepted, 4u);
  EXPECT_THAT(processor.got, ElementsAre(pair("b", 1), pair("b", 3), pair("a", 2), pair("c", 4)));
  EXPECT_EQ(store.size(), 3u);
}

TEST(dead_letter_store, goes_on_with_other_keys_unless_the_processor_is_full) {
  store_type store;
  const std::vector<pair> letters{{"b", 1}, {"b", 2}, {"a", 3}};
  fill(store, letters);
  fake_resubmitter processor{.room = 1, .status_without_room = submit_status::key_full};
  auto result = store.redrive_all(processor, place::before); // both of b do not fit
  EXPECT_EQ(result.accepted, 1u);
  EXPECT_EQ(result.status, submit_status::key_full);
  EXPECT_THAT(processor.got, ElementsAre(pair("a", 3)));
  fill(store, {{"a", 3}});
  processor = {.room = 1, .status_without_room = submit_status::full};
  result = store.redrive_all(processor, place::before);
  EXPECT_EQ(result.accepted, 0u);
  EXPECT_EQ(result.status, submit_status::full);
  EXPECT_THAT(content(store), testing::ElementsAreArray(letters));
}

/// Accepts some, now and then, and takes its time.
struct moody_processor {
  std::atomic<std::uint32_t> calls{0};
  std::mutex mutex;
  std::vector<int> got;

  bulk_result resubmit(const std::string&, std::span<only_moves> messages, place) {
    const auto call = calls++;
    std::this_thread::sleep_for(std::chrono::microseconds(call * 37 % 100));
    const auto taken = call % 4 * messages.size() / 3;
    for (auto& one : messages.first(taken)) {
      const std::lock_guard lock(mutex);
      got.push_back(*std::exchange(one, nullptr));
    }
    return {taken, taken == messages.size() ? submit_status::accepted : submit_status::full};
  }
};

TEST(dead_letter_store, keeps_the_order_while_threads_redrive_at_once) {
  constexpr int letters = 2'000;
  store_type store;
  moody_processor processor;
  std::atomic<bool> complete{false};
  std::vector<std::thread> redrivers;
  for (int i = 0; i < 2; ++i)
    redrivers.emplace_back([&] {
      while (!complete || store.size() != 0)
        (void)store.redrive_all(processor);
    });
  for (int i = 0; i < letters; ++i) {
    fill(store, {{"key", i}});
    if (i % 10 == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(10));
  }
  complete = true;
  for (auto& thread : redrivers)
    thread.join();
  std::vector<int> all;
  for (int i = 0; i < letters; ++i)
    all.push_back(i);
  EXPECT_EQ(processor.got, all);
}

} // namespace
