#include "dead_letters/file_directory.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_reader.hpp>
#include <convoy/dead_letter_store.hpp>
#include <convoy/dead_letter_tee.hpp>
#include <functional>
#include <gmock/gmock.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using convoy::dead_letter_refused;
using convoy::test::file_directory;
using testing::ElementsAre;
using tee = convoy::dead_letter_tee<int, int>;
using letter = tee::dead_letter;

void offer(tee& sink, int key, std::uint64_t sequence, int message = 0) {
  letter dead{.key = key, .message = message, .sequence = sequence};
  sink(dead);
}

/// A sink that writes down what it takes, and throws what it is told to instead.
struct sink {
  std::vector<std::uint64_t> taken = {};
  std::function<void()> before = [] {};
  void operator()(const letter& dead) {
    before();
    taken.push_back(dead.sequence);
  }
};

[[noreturn]] void refuse() {
  throw dead_letter_refused("not now");
}

TEST(dead_letter_tee, gives_each_letter_to_each_sink_once_though_it_is_offered_again) {
  sink first, second, third;
  tee all(std::ref(first), std::ref(second), std::ref(third));
  second.before = third.before = refuse;
  EXPECT_THROW(offer(all, 1, 5), dead_letter_refused);
  EXPECT_THROW(offer(all, 1, 5), dead_letter_refused);
  second.before = [] {};
  EXPECT_THROW(offer(all, 1, 5), dead_letter_refused);
  EXPECT_THROW(offer(all, 2, 6), dead_letter_refused); // another key's
  third.before = [] { throw std::bad_alloc(); };
  EXPECT_THROW(offer(all, 1, 5), std::bad_alloc);
  third.before = [] {};
  offer(all, 1, 5);
  offer(all, 2, 6);
  offer(all, 1, 7);
  for (const auto& each : {first, second, third})
    EXPECT_THAT(each.taken, ElementsAre(5, 6, 7));
}

TEST(dead_letter_tee, begins_anew_with_the_next_letter_of_a_key) {
  sink first, second;
  tee both(std::ref(first), std::ref(second));
  second.before = refuse;
  EXPECT_THROW(offer(both, 1, 5), dead_letter_refused); // and is discarded
  second.before = [] {};
  offer(both, 1, 6);
  EXPECT_THAT(first.taken, ElementsAre(5, 6));
  EXPECT_THAT(second.taken, ElementsAre(6));
}

TEST(dead_letter_tee, tells_of_a_sink_that_throws_when_the_others_have_the_letter) {
  sink first, second;
  tee both(std::ref(first), std::ref(second));
  first.before = [] { throw std::runtime_error("first"); };
  second.before = refuse;
  EXPECT_THROW(offer(both, 1, 5), dead_letter_refused);
  first.before = second.before = [] {};
  EXPECT_THROW(offer(both, 1, 5), std::runtime_error);
  EXPECT_THAT(first.taken, ElementsAre());
  EXPECT_THAT(second.taken, ElementsAre(5));
}

TEST(dead_letter_tee, keeps_file_and_store_alike_while_the_store_is_full) {
  constexpr int letters = 40;
  const file_directory here;
  using full_store = convoy::dead_letter_store<int, int>;
  convoy::dead_letter_file<int, int> file(here.file());
  full_store store({.capacity = 1});
  convoy::dead_letter_tee<int, int> both(std::ref(file), std::ref(store));
  std::vector<int> stored(4, 0);
  {
    convoy::runtime rt{{.concurrency = 2}};
    convoy::processor<int, int> p{
        rt, [](int&) { return convoy::outcome::skip; }, {.dead_letters = std::ref(both)}};
    for (int m = 0; m < letters; ++m)
      ASSERT_EQ(p.submit(m % 4, m / 4), convoy::submit_status::accepted);
    for (int taken = 0; taken < letters;)
      for (const auto& entry : store.take_all()) {
        EXPECT_EQ(entry.message, stored[static_cast<std::size_t>(entry.key)]++);
        ++taken;
      }
  }
  std::vector<int> written(4, 0);
  for (const auto& dead : convoy::read_dead_letters<int, int>(here.file()))
    EXPECT_EQ(dead.message, written[static_cast<std::size_t>(dead.key)]++);
  EXPECT_THAT(written, testing::Each(letters / 4));
}

template <class... Sinks>
concept teeable = requires(Sinks... sinks) {
  tee(sinks...);
};
static_assert(!teeable<sink>, "one sink needs no tee");

} // namespace
