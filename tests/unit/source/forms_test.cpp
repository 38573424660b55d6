#include "source/source.hpp"

#include <gmock/gmock.h>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

// Each form of handler behind the gates, and what becomes of what it says.

namespace {

using namespace source_test;
using testing::ElementsAre;

struct count {
  int calls = 0;
};
using context = source<>::lanes_type::processor_type::context;
using counting_context = source<count>::lanes_type::processor_type::context;

template <class State = void, class Handler>
void expect_handled(contents& seen, Handler handler) {
  source<State> its(std::move(handler));
  auto& home = its.open();
  for (std::uint64_t i = 0; i < 3; ++i)
    its.deliver(home, i, "a");
  ASSERT_TRUE(its.eventually_handled(3));
  EXPECT_THAT(seen.all(), ElementsAre(0, 1, 2));
  EXPECT_EQ(home.so_far(), (progress{3, {}}));
}

TEST(source_forms, record) {
  contents seen;
  expect_handled(seen, [&](record& its) { seen.add(its.content()); });
}
TEST(source_forms, record_with_outcome) {
  contents seen;
  expect_handled(seen, [&](record& its) {
    seen.add(its.content());
    return outcome::done;
  });
}
TEST(source_forms, key_and_record) {
  contents seen;
  expect_handled(seen, [&](const std::string& key, record& its) {
    EXPECT_EQ(key, "a");
    seen.add(its.content());
  });
}
TEST(source_forms, key_and_span) {
  contents seen;
  expect_handled(seen, [&](const std::string&, std::span<record> some) { seen.add_all(some); });
}
TEST(source_forms, key_and_span_with_outcome) {
  contents seen;
  expect_handled(seen, [&](const std::string&, std::span<record> some) {
    seen.add_all(some);
    return outcome::done;
  });
}
TEST(source_forms, context_and_record) {
  contents seen;
  expect_handled(seen, [&](context& its, record& what) {
    EXPECT_EQ(its.key(), "a");
    seen.add(what.content());
  });
}
TEST(source_forms, context_and_span) {
  contents seen;
  expect_handled(seen, [&](context& its, std::span<record> some) {
    EXPECT_EQ(its.attempt(), 1u);
    seen.add_all(some);
    return outcome::done;
  });
}
TEST(source_forms, record_with_state) {
  contents seen;
  expect_handled<count>(seen, [&](record& its, count& state) {
    EXPECT_EQ(state.calls++, its.content());
    seen.add(its.content());
  });
}
TEST(source_forms, key_and_record_with_state) {
  contents seen;
  expect_handled<count>(seen, [&](const std::string&, record& its, count& state) {
    EXPECT_EQ(state.calls++, its.content());
    seen.add(its.content());
    return outcome::done;
  });
}
TEST(source_forms, key_and_span_with_state) {
  contents seen;
  expect_handled<count>(seen, [&](const std::string&, std::span<record> some, count& state) {
    state.calls += static_cast<int>(some.size());
    seen.add_all(some);
  });
}
TEST(source_forms, context_and_record_with_state) {
  contents seen;
  expect_handled<count>(seen, [&](counting_context& its, record& what) {
    EXPECT_EQ(its.state().calls++, what.content());
    seen.add(what.content());
  });
}

// ---- spans ----

/// What the calls for spans have got; records of one key that were there at once.
class calls {
public:
  void add(std::span<record> some) {
    const std::lock_guard lock(lock_);
    auto& call = all_.emplace_back();
    for (record& each : some)
      call.push_back(access::of(each) != nullptr ? each.content() : -1);
  }
  [[nodiscard]] std::vector<std::vector<int>> all() const {
    const std::lock_guard lock(lock_);
    return all_;
  }

private:
  mutable std::mutex lock_;
  std::vector<std::vector<int>> all_;
};

/// Key a's records come as one span, as it is paused until all are there.
template <class Source, class Deliver>
void deliver_at_once(Source& its, Deliver deliver) {
  gate still;
  its.processor().pause("a", [&] { still.open(); });
  still.pass();
  deliver();
  its.processor().resume("a");
}

TEST(source_spans, are_of_one_assignment) {
  calls seen;
  source<> its([&](const std::string&, std::span<record> some) { seen.add(some); });
  auto& first = its.open("t[0]");
  auto& second = its.open("t[1]");
  deliver_at_once(its, [&] {
    its.deliver(first, 0, "a", 0);
    its.deliver(second, 0, "a", 10);
    its.deliver(first, 1, "a", 1);
    its.deliver(first, 2, "a", 2);
  });
  ASSERT_TRUE(its.eventually_handled(4));
  EXPECT_THAT(seen.all(), ElementsAre(ElementsAre(0), ElementsAre(10), ElementsAre(1, 2)));
}

/// What stands between them is of an assignment that is gone.
TEST(source_spans, pass_over_what_was_given_back) {
  calls seen;
  source<> its([&](const std::string&, std::span<record> some) { seen.add(some); });
  auto& first = its.open("t[0]");
  auto& second = its.open("t[1]");
  deliver_at_once(its, [&] {
    its.deliver(first, 0, "a", 0);
    its.deliver(second, 0, "a", 10);
    its.deliver(second, 1, "a", 11);
    its.deliver(first, 1, "a", 1);
    its.books().retire(second);
    ASSERT_TRUE(its.quiet());
    its.books().forget(second);
  });
  ASSERT_TRUE(its.eventually_handled(2));
  EXPECT_THAT(seen.all(), ElementsAre(ElementsAre(0), ElementsAre(1)));
  EXPECT_EQ(its.account().given_back, 2u);
}

TEST(source_spans, end_before_what_is_condemned) {
  calls seen;
  contents dead;
  source<> its([&](const std::string&, std::span<record> some) { seen.add(some); },
               {.dead_letters = sink(
                    [&](letter& its_letter) {
                      EXPECT_EQ(its_letter.reason, convoy::detail::blocked_too_long);
                      dead.add(its_letter.message.content());
                    },
                    nullptr)});
  auto& home = its.open();
  deliver_at_once(its, [&] {
    its.deliver(home, 0, "a");
    its.deliver(home, 1, "a").condemned.store(true, std::memory_order_relaxed);
    its.deliver(home, 2, "a");
    its.deliver(home, 3, "a").condemned.store(true, std::memory_order_relaxed);
  });
  ASSERT_TRUE(its.eventually_handled(2));
  ASSERT_TRUE(eventually([&] { return its.account().dead_letters == 2; }));
  EXPECT_THAT(seen.all(), ElementsAre(ElementsAre(0), ElementsAre(2)));
  EXPECT_THAT(dead.all(), ElementsAre(1, 3));
  EXPECT_EQ(home.so_far(), (progress{4, {}}));
}

/// The first record was moved away by an attempt that failed: the others are still to be handled.
TEST(source_spans, go_on_behind_what_was_moved_away) {
  calls seen;
  std::vector<record> away;
  bool first_time = true;
  source<> its([&](const std::string&, std::span<record> some) -> outcome {
    seen.add(some);
    if (!std::exchange(first_time, false))
      return outcome::done;
    away.push_back(std::move(some[0]));
    return outcome::retry_after(std::chrono::nanoseconds(0));
  });
  auto& home = its.open();
  deliver_at_once(its, [&] {
    for (std::uint64_t i = 0; i < 3; ++i)
      its.deliver(home, i, "a");
  });
  ASSERT_TRUE(its.eventually_handled(2));
  EXPECT_THAT(seen.all(), ElementsAre(ElementsAre(0, 1, 2), ElementsAre(1, 2)));
  EXPECT_EQ(home.so_far(), (progress{0, {{1, 3}}}));
  ASSERT_EQ(away.size(), 1u);
  away[0].done();
  away.clear();
  EXPECT_TRUE(its.eventually_handled(3));
  EXPECT_EQ(home.so_far(), (progress{3, {}}));
}

/// So are those behind one in the midst.
TEST(source_spans, go_on_around_what_was_moved_away) {
  calls seen;
  std::vector<record> away;
  bool first_time = true;
  source<> its([&](const std::string&, std::span<record> some) -> outcome {
    seen.add(some);
    if (!std::exchange(first_time, false))
      return outcome::done;
    away.push_back(std::move(some[1]));
    return outcome::retry_after(std::chrono::nanoseconds(0));
  });
  auto& home = its.open();
  deliver_at_once(its, [&] {
    for (std::uint64_t i = 0; i < 3; ++i)
      its.deliver(home, i, "a");
  });
  ASSERT_TRUE(its.eventually_handled(2));
  EXPECT_THAT(seen.all(), ElementsAre(ElementsAre(0, 1, 2), ElementsAre(0), ElementsAre(2)));
  away.clear(); // given up
  EXPECT_EQ(its.account().handled, 2u);
  EXPECT_EQ(home.so_far(), (progress{1, {{2, 3}}}));
}

TEST(source_spans, are_done_up_to_an_index) {
  calls seen;
  source<> its([&](const std::string&, std::span<record> some) {
    seen.add(some);
    return outcome::done.at(0);
  });
  auto& home = its.open();
  deliver_at_once(its, [&] {
    for (std::uint64_t i = 0; i < 3; ++i)
      its.deliver(home, i, "a");
  });
  ASSERT_TRUE(its.eventually_handled(3));
  EXPECT_THAT(seen.all(), ElementsAre(ElementsAre(0, 1, 2), ElementsAre(1, 2), ElementsAre(2)));
}

TEST(source_spans, are_done_before_one_that_fails) {
  calls seen;
  contents dead;
  source<> its(
      [&](const std::string&, std::span<record> some) -> outcome {
        seen.add(some);
        return some.size() == 3 ? outcome::skip.at(1) : outcome::done;
      },
      {.dead_letters = sink([&](letter& one) { dead.add(one.message.content()); }, nullptr)});
  auto& home = its.open();
  deliver_at_once(its, [&] {
    for (std::uint64_t i = 0; i < 3; ++i)
      its.deliver(home, i, "a");
  });
  ASSERT_TRUE(its.eventually_handled(2));
  EXPECT_THAT(seen.all(), ElementsAre(ElementsAre(0, 1, 2), ElementsAre(2)));
  EXPECT_THAT(dead.all(), ElementsAre(1));
}

/// The handler has got fewer than its lane had: an index beyond those is an error all the same.
TEST(source_spans, have_no_index_beyond_them) {
  contents dead;
  source<> its(
      [](const std::string&, std::span<record> some) { return outcome::done.at(some.size()); },
      {.dead_letters = sink(
           [&](letter& one) {
             EXPECT_THROW(std::rethrow_exception(one.last_error), std::out_of_range);
             dead.add(one.message.content());
           },
           nullptr)});
  auto& first = its.open("t[0]");
  auto& second = its.open("t[1]");
  deliver_at_once(its, [&] {
    its.deliver(first, 0, "a", 0);
    its.deliver(second, 0, "a", 10);
  });
  ASSERT_TRUE(eventually([&] { return its.account().dead_letters == 2; }));
  EXPECT_THAT(dead.all(), ElementsAre(0, 10));
  EXPECT_EQ(its.account().handled, 0u);
}

} // namespace
