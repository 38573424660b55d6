#include "dead_letters/file_directory.hpp"
#include "gate.hpp"
#include "joint_bank.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_redrive.hpp>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// Dead letters of joint messages, which go back to all of their keys.

namespace {

using convoy::outcome;
using convoy::submit_status;
using convoy::test::content_of;
using convoy::test::file_directory;
using joint_tests::bank;
using joint_tests::book;
using joint_tests::booked;
using joint_tests::log_of;
using store_type = convoy::dead_letter_store<int, int>;
using file_type = convoy::dead_letter_file<int, int>;

#define CONVOY_ACCEPTED(what) ASSERT_EQ(what, submit_status::accepted)

/// A bank whose ledger may be away: then all messages become dead letters.
struct ledger {
  std::atomic<bool> is_away{true};

  [[nodiscard]] auto single() {
    return [this](const int& key, int& m, book& its) {
      if (is_away)
        return outcome(outcome::skip);
      booked(key, m, its);
      return outcome(outcome::done);
    };
  }
  [[nodiscard]] bank::options options(std::function<void(bank::dead_letter&)> sink) {
    return {.dead_letters = std::move(sink), .joint = [this](bank::joint& all, int& m) {
              if (is_away)
                return outcome(outcome::skip);
              for (std::size_t i = 0; i < all.size(); ++i)
                all.state(i).ids.push_back(m);
              return outcome(outcome::done);
            }};
  }
};

std::vector<std::vector<int>> keys_in(const store_type& store, int key) {
  std::vector<std::vector<int>> all;
  store.visit(key, [&](const store_type::entry& letter) { all.push_back(letter.keys); });
  return all;
}

TEST(joint_letters, are_stored_with_their_keys_and_redriven_to_all_of_them_in_order) {
  convoy::runtime rt{{.concurrency = 2}};
  ledger of;
  store_type store;
  bank p{rt, of.single(), of.options(std::ref(store))};
  CONVOY_ACCEPTED(p.submit(1, 1));
  CONVOY_ACCEPTED(p.submit(1, 2));
  CONVOY_ACCEPTED(p.submit_joint({1, 5, 1}, 3));
  CONVOY_ACCEPTED(p.submit_joint({1, 6}, 4));
  CONVOY_ACCEPTED(p.submit(1, 5));
  p.drain();
  EXPECT_EQ(keys_in(store, 1), (std::vector<std::vector<int>>{{}, {}, {1, 5, 1}, {1, 6}, {}}));
  of.is_away = false;
  const auto back = store.redrive(p, 1);
  EXPECT_EQ(back.accepted, 5u);
  EXPECT_EQ(back.status, submit_status::accepted);
  EXPECT_EQ(store.size(), 0u);
  p.drain();
  EXPECT_EQ(log_of(p, 1), (std::vector<int>{1, 2, 3, 3, 4, 5}));
  EXPECT_EQ(log_of(p, 5), std::vector<int>{3});
  EXPECT_EQ(log_of(p, 6), std::vector<int>{4});
  EXPECT_TRUE(p.account().balanced());
}

TEST(joint_letters, stay_from_the_first_on_that_is_refused) {
  convoy::runtime rt{{.concurrency = 2}};
  ledger of;
  gate busy;
  store_type store;
  auto wanted = of.options(std::ref(store));
  wanted.key_capacity = 2;
  bank p{rt,
         [&](const int& key, int& m, book& its) {
           if (m < 0)
             busy.pass();
           return of.single()(key, m, its);
         },
         wanted};
  for (const int m : {1, 4})
    for (const bool joint : {false, true}) {
      CONVOY_ACCEPTED(joint ? p.submit_joint({1, 5}, m + 1) : p.submit(1, m));
      p.drain();
    }
  ASSERT_EQ(store.size(), 4u);
  of.is_away = false;
  CONVOY_ACCEPTED(p.submit(5, -2));
  busy.await_visitors();
  CONVOY_ACCEPTED(p.submit(5, -3)); // as many as it may have
  const auto some = store.redrive_all(p);
  EXPECT_EQ(some.accepted, 1u);
  EXPECT_EQ(some.status, submit_status::key_full);
  EXPECT_EQ(keys_in(store, 1), (std::vector<std::vector<int>>{{1, 5}, {}, {1, 5}}));
  busy.open();
  p.drain();
  for (int rounds = 0; store.size() != 0 && rounds < 10; ++rounds) { // two at a time
    (void)store.redrive_all(p);
    p.drain();
  }
  EXPECT_EQ(log_of(p, 1), (std::vector<int>{1, 2, 4, 5}));
  EXPECT_EQ(log_of(p, 5), (std::vector<int>{-2, -3, 2, 5}));
}

TEST(joint_letters, can_not_be_put_before_what_waits) {
  convoy::runtime rt{{.concurrency = 1}};
  ledger of;
  store_type store;
  bank p{rt, of.single(), of.options(std::ref(store))};
  CONVOY_ACCEPTED(p.submit(1, 1));
  CONVOY_ACCEPTED(p.submit_joint({1, 2}, 2));
  p.drain();
  EXPECT_THROW((void)store.redrive(p, 1, convoy::place::before), std::invalid_argument);
  EXPECT_EQ(store.size(), 2u);
  of.is_away = false;
  EXPECT_EQ(store.redrive_all(p).accepted, 2u);
  p.drain();
  EXPECT_EQ(log_of(p, 2), std::vector<int>{2});
}

using numbered = convoy::envelope<int>;

/// An id that was accepted once does not keep it out.
TEST(joint_letters, are_no_duplicates_of_themselves) {
  convoy::runtime rt{{.concurrency = 1}};
  using numbered_desk = convoy::processor<int, numbered>;
  convoy::dead_letter_store<int, numbered> store;
  std::atomic<bool> is_away{true};
  std::atomic<int> done{0};
  numbered_desk p{rt,
                  [](numbered&) {},
                  {.dead_letters = std::ref(store),
                   .duplicates = convoy::duplicates{},
                   .joint = [&](numbered_desk::joint&, numbered&) {
                     done += is_away ? 0 : 1;
                     return is_away ? outcome::skip : outcome::done;
                   }}};
  const auto with_id = [](std::string id) { return numbered{.message = 1, .id = std::move(id)}; };
  CONVOY_ACCEPTED(p.submit_joint({1, 2}, with_id("x")));
  p.drain();
  EXPECT_EQ(p.submit_joint({1, 2}, with_id("x")), submit_status::duplicate);
  is_away = false;
  EXPECT_EQ(store.redrive_all(p).status, submit_status::accepted);
  p.drain();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(p.submit_joint({1, 2}, with_id("x")), submit_status::duplicate);
}

TEST(joint_letters, come_back_from_a_file) {
  const file_directory here;
  const auto path = here.file();
  convoy::runtime rt{{.concurrency = 2}};
  ledger of;
  auto file = std::make_unique<file_type>(path);
  bank p{rt, of.single(), of.options(std::ref(*file))};
  CONVOY_ACCEPTED(p.submit_joint({1, 5, 1}, 2));
  CONVOY_ACCEPTED(p.submit(1, 3));
  p.drain();
  EXPECT_EQ(content_of(path).find(R"({"key":1,"keys":[1,5,1],"sequence":)"), 0u)
      << content_of(path);
  std::vector<std::vector<int>> keys;
  for (const auto& letter : convoy::read_dead_letters<int, int>(path))
    keys.push_back(letter.keys);
  EXPECT_EQ(keys, (std::vector<std::vector<int>>{{1, 5, 1}, {}}));
  const auto moved = here.file({}, "moved.jsonl");
  std::filesystem::rename(path, moved);
  file->reopen();
  of.is_away = false;
  const auto back = convoy::redrive_dead_letters<int, int>(moved, p);
  EXPECT_TRUE(back.complete());
  EXPECT_EQ(back.redriven, 2u);
  EXPECT_EQ(log_of(p, 1), (std::vector<int>{2, 2, 3}));
  EXPECT_EQ(log_of(p, 5), std::vector<int>{2});
  EXPECT_EQ((convoy::redrive_dead_letters<int, int>(moved, p).redriven), 0u) << "each once";
}

/// As 0.1 wrote them, which knew no keys.
TEST(joint_letters, may_be_in_a_file_with_older_ones) {
  const file_directory here;
  const std::string rest = R"(,"sequence":7,"attempts":1,"why":"failed","first_error":null,)"
                           R"("last_error":null,"first_failed":"2026-01-31T23:59:59.000250Z",)"
                           R"("died":"2026-01-31T23:59:59.400000Z","redriven":0,"message":)";
  const auto path = here.file(R"({"key":1)" + rest + "8}\n" + R"({"key":1,"keys":[1, 5])" + rest +
                              "9}\n" + R"({"key":2)" + rest + "10}\n");
  convoy::runtime rt{{.concurrency = 2}};
  ledger of;
  of.is_away = false;
  bank p{rt, of.single(), of.options([](bank::dead_letter&) {})};
  EXPECT_EQ((convoy::redrive_dead_letters<int, int>(path, p).redriven), 3u);
  EXPECT_EQ(log_of(p, 1), (std::vector<int>{8, 9}));
  EXPECT_EQ(log_of(p, 5), std::vector<int>{9});
  EXPECT_EQ(log_of(p, 2), std::vector<int>{10});
  for (const char* bad : {"[]", "[1,]", "[1", "1", "[1 5]", "[\"x\"]", "[2,3]",
                          "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]"}) {
    const auto torn = here.file(R"({"key":1,"keys":)" + std::string(bad) + rest + "8}\n", "bad");
    EXPECT_THROW(((void)convoy::redrive_dead_letters<int, int>(torn, p)), convoy::bad_dead_letter)
        << bad;
  }
}

TEST(joint_letters, come_of_handlers_that_ask_for_a_key_that_is_not_there) {
  convoy::runtime rt{{.concurrency = 1}};
  std::vector<std::string> errors;
  bank p{rt,
         booked,
         {.on_error =
              [&](const int&, const std::exception_ptr& error) {
                try {
                  std::rethrow_exception(error);
                } catch (const std::out_of_range& e) {
                  errors.emplace_back(e.what());
                }
              },
          .dead_letters = [](auto&) {},
          .joint =
              [](bank::joint& keys, int& m) {
                m == 1 ? keys.state(2).ids.push_back(m) : (void)keys.key(std::size_t(-1));
              }}};
  for (int m = 1; m <= 2; ++m)
    ASSERT_EQ(p.submit_joint({1, 2}, int{m}), submit_status::accepted);
  p.drain();
  EXPECT_EQ(errors,
            (std::vector<std::string>{
                "convoy::joint: key 2 of a message of 2, counted from 0",
                "convoy::joint: key 18446744073709551615 of a message of 2, counted from 0"}));
  EXPECT_EQ(p.account().dead_letters, 2u);
}

} // namespace
