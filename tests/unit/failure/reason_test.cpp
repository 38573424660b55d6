#include <chrono>
#include <convoy/convoy.hpp>
#include <exception>
#include <functional>
#include <gmock/gmock.h>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// The reason that an outcome gives, and the dead letter shows.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::ElementsAre;

/// The last one's, also where attempts are used up, and where the message waits for a retry as all ends.
TEST(dead_letters, tell_the_reason_that_an_outcome_gave) {
  runtime rt{{.concurrency = 1}};
  const std::string number(100, '7'); // not in static memory, nor in the string itself
  std::vector<std::string> reasons;
  const auto handle = [&](int& m) -> outcome {
    switch (m) {
    case 1:
      return outcome::skip.because("no account " + number);
    case 2:
      return outcome::skip;
    case 3:
      return outcome::retry_after(0ms).because("attempt");
    case 4:
      return outcome::fail_rest.because("closed");
    default:
      throw std::runtime_error("no outcome");
    }
  };
  {
    processor<int, int> p{
        rt,
        handle,
        {.on_error = [](const int&, const std::exception_ptr&) {},
         .dead_letters = [&](auto& letter) { reasons.emplace_back(letter.reason); }}};
    for (const int m : {1, 2, 3, 6})
      ASSERT_EQ(p.submit(1, m), submit_status::accepted);
    p.drain();
    p.pause(2);
    for (const int m : {4, 5})
      ASSERT_EQ(p.submit(2, m), submit_status::accepted);
    p.resume(2);
    p.drain();
  }
  EXPECT_THAT(reasons, ElementsAre("no account " + number, "", "attempt", "", "closed", ""));
}

TEST(outcome, keeps_its_reason_and_its_index_in_copies) {
  const auto said = outcome::skip.because("a reason that does not fit into the string").at(7);
  auto copied = said;
  const auto moved = std::move(copied);
  EXPECT_EQ(moved.index(), 7u);
  EXPECT_EQ(moved.what(), outcome::kind::skip);
  EXPECT_EQ(moved.reason(), said.reason());
  EXPECT_EQ(said.reason(), "a reason that does not fit into the string");
  EXPECT_EQ(said.because("another").reason(), "another");
  EXPECT_EQ(outcome::skip.reason(), "");
  static_assert(outcome::done.what() == outcome::kind::done);
}

TEST(dead_letter_store, keeps_the_reason_of_a_letter) {
  convoy::runtime rt{{.concurrency = 1}};
  convoy::dead_letter_store<int, int> store;
  convoy::processor<int, int> p{rt,
                                [](int&) {
                                  return convoy::outcome::skip.because(
                                      "a reason that does not fit into the string");
                                },
                                {.dead_letters = std::ref(store)}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  const auto taken = store.take(1);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken.front().reason, "a reason that does not fit into the string");
}

} // namespace
