#include "shared/readings.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

// Shared messages of a key are handled beside each other, in their place.

namespace {

using namespace std::chrono_literals;
using convoy::key_state;
using convoy::runtime;
using convoy::submit_status;

void submit_to(reading_processor& p, const std::vector<reading>& all, int key = 1) {
  for (const auto& each : all)
    ASSERT_EQ(p.submit(key, each), submit_status::accepted);
}

TEST(shared, messages_of_a_key_are_handled_at_the_same_time) {
  runtime rt{{.concurrency = 4}};
  readers all;
  reading_processor p{rt, [&](reading& r) { all.handle(r); }};
  submit_to(p, {read(1), read(2), read(3), read(4)});
  all.await(1, 4); // else nobody gets on
  all.let_all_go(1, 4);
  p.drain();
}

TEST(shared, messages_are_not_conflated) {
  runtime rt{{.concurrency = 1}};
  EXPECT_THROW((reading_processor{rt, [](reading&) {}, {.conflate = [](reading&, reading&) {}}}),
               std::invalid_argument);
}

TEST(shared, messages_may_wait_for_one_that_comes_later) {
  runtime rt{{.concurrency = 2}};
  readers all;
  reading_processor p{rt, [&](reading& r) { all.handle(r); }};
  submit_to(p, {read(1)}); // perhaps run by the drainer itself
  all.await(1, 1);
  submit_to(p, {read(2)});
  all.await(2, 2);
  all.let_go(2);
  ASSERT_TRUE(eventually([&] { return all.what.has("-2"); }));
  all.let_go(1);
  p.drain();
}

// orleans#10807: R1 and R2 read, and only R1 was remembered as what keeps writers out. R1 ended, and a writer was let in
// while R2 was still reading.
TEST(shared, a_writer_waits_for_all_readers_before_it_not_for_the_first_one_to_end) {
  runtime rt{{.concurrency = 4}};
  readers all;
  reading_processor p{rt, [&](reading& r) { all.handle(r); }};
  submit_to(p, {read(1), read(2), write(3), read(4)});
  all.await(1, 2);
  all.let_go(1);
  ASSERT_TRUE(eventually([&] { return all.what.has("-1"); }));
  submit_to(p, {read(5), write(6)}); // the drainer has seen R1 come back by the end of these
  submit_to(p, {write(100)}, 2);
  ASSERT_TRUE(eventually([&] { return all.what.has("-100"); }));
  std::this_thread::sleep_for(20ms); // long enough for a writer that should not
  EXPECT_FALSE(all.what.has("+3")) << "a writer was let in while R2 reads";
  EXPECT_FALSE(all.what.has("+4")) << "a reader has overtaken the writer";
  all.let_go(2);
  all.await(4, 5);
  EXPECT_TRUE(all.what.in_order("-2", "+3"));
  EXPECT_TRUE(all.what.in_order("-3", "+4"));
  EXPECT_FALSE(all.what.has("+6"));
  all.let_all_go(4, 5);
  p.drain();
  EXPECT_TRUE(all.what.in_order("-4", "+6"));
  EXPECT_TRUE(all.what.in_order("-5", "+6"));
}

/// Its copy takes until the gate is open: meanwhile it has its ticket, and its cell is empty.
struct slow_reading : reading {
  slow_reading(const reading& r, gate* until) : reading(r), copying(until) {}
  slow_reading(const slow_reading& other) : reading(other), copying(other.copying) {
    if (copying != nullptr)
      copying->pass();
  }
  slow_reading(slow_reading&&) noexcept = default;
  slow_reading& operator=(const slow_reading&) = delete;
  ~slow_reading() = default;
  gate* copying;
};

} // namespace

template <>
struct convoy::message_traits<slow_reading> : convoy::message_traits<reading> {};

namespace {

// verona-rt#81: a writer ended and woke the readers behind it, up to one that was just being put in line. That looked like
// none, so it was left out, and it and all behind it waited for ever, in silence.
TEST(shared, a_reader_that_is_being_submitted_as_the_writer_ends_is_not_forgotten) {
  runtime rt{{.concurrency = 2}};
  gate writing, copying;
  std::atomic<int> handled{0};
  convoy::processor<int, slow_reading> p{rt,
                                         [&](slow_reading& r) {
                                           if (r.number == 1)
                                             writing.pass();
                                           ++handled;
                                         },
                                         {.partitions = 1}};
  const auto submit = [&p](const slow_reading& r) {
    EXPECT_EQ(p.submit(1, r), submit_status::accepted);
  };
  submit({write(1), nullptr});
  writing.await_visitors();
  submit({read(2), nullptr});
  const slow_reading slow{read(3), &copying};
  std::thread producer([&] { submit(slow); });
  copying.await_visitors();
  submit({read(4), nullptr});
  submit({write(5), nullptr});
  writing.open();
  ASSERT_TRUE(eventually([&] { return handled == 2; }));
  EXPECT_EQ(handled, 2) << "a reader was overtaken";
  copying.open();
  producer.join();
  p.drain();
  EXPECT_EQ(handled, 5);
}

TEST(shared, messages_are_as_many_at_a_time_as_the_option_says) {
  runtime rt{{.concurrency = 4}};
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  reading_processor p{rt,
                      [&](reading&) {
                        const auto now = ++running;
                        auto known = most.load();
                        while (known < now && !most.compare_exchange_weak(known, now)) {
                        }
                        std::this_thread::sleep_for(200us);
                        --running;
                      },
                      {.most_shared = 2}};
  for (int i = 0; i < 100; ++i)
    submit_to(p, {read(i)});
  p.drain();
  EXPECT_EQ(most, 2);
}

TEST(shared, messages_of_one_key_leave_others_alone) {
  runtime rt{{.concurrency = 3}};
  readers all;
  reading_processor p{rt, [&](reading& r) { all.handle(r); }, {.most_shared = 2}};
  submit_to(p, {read(1), read(2), read(3), write(4)});
  all.await(1, 2);
  submit_to(p, {write(5)}, 2);
  EXPECT_TRUE(eventually([&] { return all.what.has("-5"); })) << "no worker was left for it";
  all.let_all_go(1, 3);
  p.drain();
  EXPECT_TRUE(all.what.in_order("-3", "+4"));
}

TEST(shared, messages_need_an_access_for_the_option) {
  runtime rt;
  try {
    const convoy::processor<int, int> p{rt, [](int&) {}, {.most_shared = 2}};
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& refused) {
    EXPECT_NE(std::string(refused.what()).find("most_shared"), std::string::npos) << refused.what();
  }
}

TEST(shared, an_envelope_has_the_access_of_what_is_in_it) {
  using in_envelope = convoy::envelope<reading>;
  EXPECT_EQ(convoy::message_traits<in_envelope>::access({read(1)}), convoy::access::shared);
  EXPECT_EQ(convoy::message_traits<in_envelope>::access({write(1)}), convoy::access::exclusive);
  static_assert(!convoy::detail::has_access<convoy::envelope<int>>);
}

// ---- state ----

struct counted_book {
  int writes = 0;
};

TEST(shared, messages_get_a_state_that_is_const_and_see_what_was_written_before_them) {
  runtime rt{{.concurrency = 4}};
  std::atomic<int> wrong{0};
  std::atomic<int> read_const{0};
  convoy::processor<int, reading, counted_book> p{
      rt, [&](reading& r, auto& book) {
        if constexpr (std::is_const_v<std::remove_reference_t<decltype(book)>>)
          ++read_const;
        else
          ++book.writes;
        wrong += book.writes != r.number;
      }};
  int writes = 0;
  int reads = 0;
  for (int i = 0; i < 2'000; ++i) {
    const bool is_write = i % 7 == 3;
    writes += is_write;
    reads += !is_write;
    ASSERT_EQ(p.submit(1, is_write ? write(writes) : read(writes)), submit_status::accepted);
  }
  p.drain();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(read_const, reads);
}

TEST(shared, a_state_is_made_once_though_the_first_messages_are_shared) {
  runtime rt{{.concurrency = 4}};
  std::atomic<int> made{0};
  readers all;
  using processor = convoy::processor<int, reading, counted_book>;
  processor::options wanted;
  wanted.state.make = [&](const int&) {
    if (++made == 1)
      throw std::runtime_error("no state yet");
    return counted_book{};
  };
  wanted.on_error = [](const int&, const std::exception_ptr&) {};
  processor p{rt,
              [&](processor::context& context, reading& r) {
                EXPECT_EQ(context.exclusive_state() != nullptr, r.writes);
                EXPECT_EQ(context.state().writes, 0);
                if (r.number > 2)
                  all.handle(r);
              },
              wanted};
  for (int i = 1; i <= 4; ++i)
    ASSERT_EQ(p.submit(1, read(i)), submit_status::accepted);
  all.await(3, 4);
  all.let_all_go(3, 4);
  ASSERT_EQ(p.submit(1, write(5)), submit_status::accepted);
  p.drain();
  EXPECT_EQ(made, 2);
  EXPECT_EQ(p.dead_letters(), 1u);
}

// ---- what others know of it ----

TEST(shared, messages_are_told_by_explain) {
  runtime rt{{.concurrency = 3}};
  readers all;
  reading_processor::options wanted;
  wanted.insight.top = 5;
  reading_processor p{rt, [&](reading& r) { all.handle(r); }, wanted};
  submit_to(p, {read(1), read(2), write(3)});
  all.await(1, 2);
  convoy::explanation why;
  ASSERT_TRUE(eventually([&] {
    why = p.explain(1);
    return why.shared == 2 && why.depth == 3 && why.state == key_state::running;
  })) << to_string(why);
  EXPECT_TRUE(why.worker);
  EXPECT_NE(to_string(why).find("3 messages in its lane, 2 of them shared"), std::string::npos)
      << to_string(why);
  all.let_all_go(1, 2);
  p.drain();
}

TEST(shared, messages_are_told_by_the_watchdog) {
  runtime rt{{.concurrency = 3}};
  readers all;
  reading_processor::options wanted;
  std::atomic<std::size_t> waiting{0};
  std::atomic<int> reports{0};
  wanted.watchdog = {.threshold = 1ms, .report = [&](const convoy::stuck_handler<int>& stuck) {
                       waiting = stuck.waiting;
                       reports += stuck.key == 1;
                     }};
  reading_processor p{rt, [&](reading& r) { all.handle(r); }, wanted};
  submit_to(p, {read(1), read(2), write(3)});
  all.await(1, 2);
  EXPECT_TRUE(eventually([&] { return reports >= 2 && waiting == 2; }))
      << reports << ' ' << waiting;
  all.let_all_go(1, 2);
  p.drain();
}

TEST(shared, messages_count_against_the_capacity_of_their_key) {
  runtime rt{{.concurrency = 3}};
  readers all;
  reading_processor p{rt, [&](reading& r) { all.handle(r); }, {.key_capacity = 3}};
  submit_to(p, {read(1), read(2), write(3)});
  EXPECT_EQ(p.try_submit(1, read(4)), submit_status::key_full);
  all.await(1, 2);
  all.let_go(2);
  ASSERT_TRUE(eventually([&] { return p.try_submit(1, read(4)) == submit_status::accepted; }))
      << "a shared message that has ended still takes room";
  all.let_all_go(1, 4);
  p.drain();
}

} // namespace
