#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

// What a handler may say about its message, and what becomes of those that fail: every outcome and
// what is done in the end, for every form of handler.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::exhausted;
using convoy::failure_policy;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::ElementsAre;
using testing::ElementsAreArray;

/// What happened to the messages of a key, in order: "3" is a call of the handler, "3+" that it is
/// done, "3 failed" that it is dead.
using history = std::vector<std::string>;

struct message {
  int key;
  int number;
};

std::string dead(int number, death why) {
  const char* const names[] = {"failed", "failed_rest", "shutdown"};
  return std::to_string(number) + " " + names[static_cast<int>(why)];
}

enum class form { message, key_message, span, context_message, context_span };
enum class way { retry, error, skip, park, fail_rest }; // in which the third message fails

struct combination {
  form how;
  way fails;
  exhausted then;
};

std::vector<combination> all_combinations() {
  std::vector<combination> all;
  for (const auto how :
       {form::message, form::key_message, form::span, form::context_message, form::context_span}) {
    for (const auto then : {exhausted::skip, exhausted::park, exhausted::fail_rest}) {
      all.push_back({how, way::retry, then});
      all.push_back({how, way::error, then});
    }
    for (const auto fails : {way::skip, way::park, way::fail_rest})
      all.push_back({how, fails, exhausted::skip});
  }
  return all;
}

std::string name_of(const combination& c) {
  const char* const forms[] = {"message", "key_message", "span", "context_message", "context_span"};
  const char* const ways[] = {"retry", "error", "skip", "park", "fail_rest"};
  const char* const ends[] = {"skip", "park", "fail_rest"};
  return std::string(forms[static_cast<int>(c.how)]) + "_" + ways[static_cast<int>(c.fails)] +
         "_then_" + ends[static_cast<int>(c.then)];
}

class outcomes : public testing::TestWithParam<combination> {
protected:
  static constexpr int keys = 3, messages = 6, bad = 2; // of key 1

  /// One message; true: go on with the next of the span.
  outcome handle(int key, int number) {
    if (number == 0)
      all_are_submitted.pass();
    auto& mine = histories[static_cast<std::size_t>(key)];
    mine.push_back(std::to_string(number));
    if (key == 1 && number == bad && !healed) {
      switch (GetParam().fails) {
      case way::retry:
        return outcome::retry;
      case way::error:
        throw std::runtime_error("bad");
      case way::skip:
        return outcome::skip;
      case way::park:
        return outcome::park;
      case way::fail_rest:
        return outcome::fail_rest;
      }
    }
    mine.back() += "+";
    return outcome::done;
  }

  outcome handle_all(int key, std::span<message> all) {
    for (std::size_t i = 0; i < all.size(); ++i)
      if (const auto result = handle(key, all[i].number); result.what() != outcome::kind::done)
        return result.at(i);
    return outcome::done;
  }

  unsigned count_calls(int key, int number) const {
    const auto& mine = histories[static_cast<std::size_t>(key)];
    return static_cast<unsigned>(std::count(mine.begin(), mine.end(), std::to_string(number)));
  }

  using context = processor<int, message>::context;

  template <class Handler>
  void run(Handler handler) {
    runtime rt{{.concurrency = 4}};
    processor<int, message> p{
        rt,
        std::move(handler),
        {.on_error = [](const int&, const std::exception_ptr&) {},
         .failure = failure_policy{.attempts = 3, .backoff = 1ms, .then = GetParam().then},
         .dead_letters =
             [this](auto& letter) {
               histories[static_cast<std::size_t>(letter.key)].push_back(
                   dead(letter.message.number, letter.why));
               attempts = std::max(attempts, letter.attempts);
             }}};
    for (int number = 0; number < messages; ++number)
      for (int key = 0; key < keys; ++key)
        ASSERT_EQ(p.submit(key, message{key, number}), submit_status::accepted);
    all_are_submitted.open();
    if (parks()) {
      // Healthy keys do not notice.
      EXPECT_TRUE(eventually([&] { return p.parked() == 1; }));
      healed = true;
      p.resume(1);
    }
    p.drain();
    ASSERT_EQ(p.submit(1, message{1, 99}), submit_status::accepted); // the key is as good as new
    p.drain();
    letters = p.dead_letters();
    const auto account = p.shutdown(std::chrono::hours(1));
    EXPECT_TRUE(account.balanced());
    EXPECT_EQ(account.accepted, static_cast<std::uint64_t>(keys * messages) + 1);
    EXPECT_EQ(account.dead_letters, letters);
    EXPECT_EQ(account.discarded, 0u);
  }

  [[nodiscard]] bool parks() const {
    return GetParam().fails == way::park ||
           (GetParam().fails <= way::error && GetParam().then == exhausted::park);
  }
  [[nodiscard]] bool fails_rest() const {
    return GetParam().fails == way::fail_rest ||
           (GetParam().fails <= way::error && GetParam().then == exhausted::fail_rest);
  }

  /// What was called in a span of which one threw is called again.
  static void keep_the_last_of_each(history& seen, history& expected) {
    for (auto* each : {&seen, &expected})
      for (auto at = each->begin(); at != each->end();)
        at = std::find(at + 1, each->end(), *at) != each->end() ? each->erase(at) : at + 1;
  }

  gate all_are_submitted;
  std::atomic<bool> healed{false};
  std::vector<history> histories = std::vector<history>(keys);
  unsigned attempts = 0;
  std::uint64_t letters = 0;
};

TEST_P(outcomes, keep_the_order_and_lose_nothing) {
  switch (GetParam().how) {
  case form::message:
    run([this](message& m) { return handle(m.key, m.number); });
    break;
  case form::key_message:
    run([this](const int& key, message& m) { return handle(key, m.number); });
    break;
  case form::span:
    run([this](const int& key, std::span<message> all) { return handle_all(key, all); });
    break;
  case form::context_message:
    run([this](context& c, message& m) {
      const auto most = GetParam().fails == way::park ? 1u : 3u; // then resume(): it begins anew
      EXPECT_EQ(c.attempt(), 1 + count_calls(c.key(), m.number) % most);
      return handle(c.key(), m.number);
    });
    break;
  case form::context_span:
    run([this](context& c, std::span<message> all) { return handle_all(c.key(), all); });
    break;
  }
  const unsigned tries = GetParam().fails <= way::error ? 3 : 1;
  history expected{"0+", "1+"};
  expected.insert(expected.end(), tries, "2");
  if (parks())
    for (const char* rest : {"2+", "3+", "4+", "5+"})
      expected.emplace_back(rest);
  else
    for (int number = bad; number < messages; ++number)
      expected.push_back(number == bad  ? dead(number, death::failed)
                         : fails_rest() ? dead(number, death::failed_rest)
                                        : std::to_string(number) + "+");
  expected.emplace_back("99+");
  if ((GetParam().how == form::span || GetParam().how == form::context_span) &&
      GetParam().fails == way::error)
    keep_the_last_of_each(histories[1], expected); // all of a span were called once before
  EXPECT_THAT(histories[1], ElementsAreArray(expected));
  for (const auto healthy : {0u, 2u})
    EXPECT_THAT(histories[healthy], ElementsAre("0+", "1+", "2+", "3+", "4+", "5+"));
  EXPECT_EQ(letters, parks() ? 0u : fails_rest() ? 4u : 1u);
  EXPECT_EQ(attempts, parks() ? 0u : tries);
}

INSTANTIATE_TEST_SUITE_P(all, outcomes, testing::ValuesIn(all_combinations()),
                         [](const auto& tested) { return name_of(tested.param); });

} // namespace
