#include "dead_letters/file_directory.hpp"
#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_redrive.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using convoy::bulk_result;
using convoy::place;
using convoy::redrive_dead_letters;
using convoy::submit_status;
using convoy::test::content_of;
using convoy::test::file_directory;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using number_and_text = std::pair<int, std::string>;
using file_type = convoy::dead_letter_file<int, std::string>;

void fill_file(const std::string& path, const std::vector<number_and_text>& letters) {
  file_type file(path);
  for (auto [key, message] : letters)
    file({.key = key, .message = message, .sequence = 0});
}

/// Those that are not marked.
std::vector<number_and_text> left(const std::string& path) {
  std::vector<number_and_text> letters;
  for (const auto& letter : convoy::read_dead_letters<int, std::string>(path))
    if (!letter.redriven)
      letters.emplace_back(letter.key, letter.message);
  return letters;
}

/// Takes back so many messages before it has to be drained, and tells of what it did.
struct fake_processor {
  std::size_t room = 1'000'000;
  bool makes_room = true;
  submit_status without_room = submit_status::full;
  std::function<void()> when_drained = [] {};
  bool is_closed = false;
  std::uint64_t discarded = 0;
  std::vector<number_and_text> got = {};
  std::size_t unfinished = 0;

  bulk_result resubmit(const int& key, std::span<std::string> messages, place) {
    if (unfinished == room)
      return {0, without_room};
    ++unfinished;
    got.emplace_back(key, std::move(messages[0]));
    return {1, submit_status::accepted};
  }
  void drain(const int&) {
    when_drained();
    if (makes_room)
      unfinished = 0;
  }
  [[nodiscard]] bool closed() const { return is_closed; }
  [[nodiscard]] convoy::account account() const { return {.discarded = discarded}; }
};

auto redrive(const std::string& path, fake_processor& to,
             convoy::dead_letter_parse<int, std::string> parse = {}) {
  return redrive_dead_letters<int, std::string>(path, to, std::move(parse));
}

const std::vector<number_and_text> four{{1, "a"}, {2, "b"}, {1, "c"}, {2, "\xFF"}};

TEST(dead_letter_redrive, sends_letters_back_once_in_their_order) {
  const file_directory here;
  fill_file(here.file(), four);
  fake_processor p;
  const auto result = redrive(here.file(), p);
  EXPECT_EQ(result.redriven, 4u);
  EXPECT_TRUE(result.complete());
  EXPECT_EQ(p.got, four);
  EXPECT_THAT(left(here.file()), IsEmpty());
  EXPECT_EQ(redrive(here.file(), p).redriven, 0u);
  EXPECT_EQ(p.got, four);
}

TEST(dead_letter_redrive, marks_nothing_before_it_is_finished) {
  const file_directory here;
  fill_file(here.file(), four);
  fake_processor p;
  p.when_drained = [&] { EXPECT_EQ(left(here.file()), four); };
  EXPECT_EQ(redrive(here.file(), p).redriven, 4u);
}

TEST(dead_letter_redrive, goes_on_when_its_own_letters_have_made_room) {
  const file_directory here;
  fill_file(here.file(), four);
  fake_processor p{.room = 1};
  EXPECT_TRUE(redrive(here.file(), p).complete());
  EXPECT_EQ(p.got, four);
}

TEST(dead_letter_redrive, ends_at_the_first_that_is_refused_and_can_be_called_again) {
  const file_directory here;
  fill_file(here.file(), four);
  for (const auto why : {submit_status::full, submit_status::key_full, submit_status::closed}) {
    fake_processor p{.room = 1, .makes_room = false, .without_room = why};
    const auto result = redrive(here.file(), p);
    EXPECT_EQ(result.status, why);
    EXPECT_EQ(result.redriven, 1u);
    EXPECT_FALSE(result.complete());
  }
  EXPECT_THAT(left(here.file()), ElementsAre(four.back()));
}

TEST(dead_letter_redrive, leaves_what_may_have_been_discarded) {
  const file_directory here;
  fill_file(here.file(), four);
  fake_processor p;
  p.when_drained = [&] {
    p.is_closed = true;
    p.discarded = 1;
  };
  const auto result = redrive(here.file(), p);
  EXPECT_EQ(result.status, submit_status::closed);
  EXPECT_EQ(result.redriven, 0u);
  EXPECT_EQ(left(here.file()), four);
}

TEST(dead_letter_redrive, marks_what_was_sent_before_a_bad_line) {
  const file_directory here;
  fill_file(here.file(), {{1, "a"}});
  std::ofstream(here.file(), std::ios::app) << "bad\n";
  fill_file(here.file(), {{2, "b"}});
  fake_processor p;
  EXPECT_THROW((void)redrive(here.file(), p), convoy::bad_dead_letter);
  EXPECT_THAT(p.got, ElementsAre(number_and_text(1, "a")));
  EXPECT_THAT(content_of(here.file()), HasSubstr("\"redriven\":1,\"message\":\"a\""));
  EXPECT_THAT(content_of(here.file()), HasSubstr("\"redriven\":0,\"message\":\"b\""));
}

TEST(dead_letter_redrive, passes_over_bad_lines_if_it_is_told_to) {
  const file_directory here;
  fill_file(here.file(), {{1, "a"}});
  std::ofstream(here.file(), std::ios::app) << "bad\n";
  fill_file(here.file(), {{2, "b"}});
  const auto before = content_of(here.file());
  fake_processor p;
  std::vector<std::string> bad;
  const auto result = redrive(
      here.file(), p, {.on_bad_line = [&](const auto&, auto line) { bad.emplace_back(line); }});
  EXPECT_EQ(result.redriven, 2u);
  EXPECT_EQ(result.bad, 1u);
  EXPECT_FALSE(result.complete());
  EXPECT_THAT(bad, ElementsAre("bad"));
  auto marked = before;
  for (std::size_t at = 0; (at = marked.find("\"redriven\":0", at)) != std::string::npos;)
    marked[at + 11] = '1';
  EXPECT_EQ(content_of(here.file()), marked); // and nothing else is touched
}

TEST(dead_letter_redrive, refuses_lines_without_a_place_for_the_mark) {
  const file_directory here;
  fill_file(here.file(), {{1, "a"}});
  auto old = content_of(here.file());
  const std::string mark = R"("redriven":0,)";
  old.erase(old.find(mark), mark.size());
  fake_processor p;
  try {
    (void)redrive(here.file(old, "old"), p);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const convoy::bad_dead_letter& error) {
    EXPECT_THAT(error.what(), HasSubstr("older version"));
  }
  EXPECT_THAT(p.got, IsEmpty());
}

TEST(dead_letter_redrive, wants_a_file_that_exists_and_that_nobody_writes) {
  const file_directory here;
  fake_processor p;
  EXPECT_THROW((void)redrive(here.file(), p), std::system_error);
  EXPECT_FALSE(std::filesystem::exists(here.file()));
  fill_file(here.file(), four);
  {
    file_type writer(here.file());
    EXPECT_THROW((void)redrive(here.file(), p), std::system_error);
  }
  p.when_drained = [&] { EXPECT_THROW(file_type(here.file()), std::system_error); };
  EXPECT_TRUE(redrive(here.file(), p).complete());
}

TEST(dead_letter_redrive, passes_over_a_torn_line_and_leaves_it) {
  const file_directory here;
  fill_file(here.file(), four);
  std::ofstream(here.file(), std::ios::app) << "{\"key\":1";
  fake_processor p;
  EXPECT_TRUE(redrive(here.file(), p).complete());
  EXPECT_TRUE(content_of(here.file()).ends_with("\n{\"key\":1"));
}

TEST(dead_letter_redrive, refuses_in_a_handler_before_anything_is_sent) {
  const file_directory here;
  fill_file(here.file(), four);
  std::atomic<int> refused{0}, others{0};
  convoy::runtime rt{{.concurrency = 2}};
  convoy::processor<int, std::string> p{rt, [&](std::string& m) {
                                          if (m != "start") {
                                            ++others;
                                            return;
                                          }
                                          try {
                                            (void)redrive_dead_letters<int, std::string>(
                                                here.file(), p);
                                          } catch (const std::logic_error&) {
                                            ++refused;
                                          }
                                        }};
  ASSERT_EQ(p.submit(0, "start"), submit_status::accepted);
  p.drain();
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(others, 0);
  EXPECT_EQ(left(here.file()), four);
}

TEST(dead_letter_redrive, moves_letters_from_one_file_through_a_processor_into_the_next) {
  constexpr int keys = 5, letters = 3'000;
  const file_directory here;
  const auto moved = here.file("", "dead.1");
  std::atomic<bool> works{false};
  std::mutex mutex;
  std::vector<std::vector<int>> handled(keys);
  file_type file(here.file());
  convoy::runtime rt{{.concurrency = 2}};
  convoy::processor<int, std::string> p{
      rt,
      [&](const int& key, std::string& m) {
        const int number = std::stoi(m);
        if (!works || number % 7 == 0)
          return convoy::outcome::skip;
        const std::lock_guard lock(mutex);
        handled[static_cast<std::size_t>(key)].push_back(number);
        return convoy::outcome::done;
      },
      {.capacity = 512, .key_capacity = 100, .dead_letters = std::ref(file)}};
  for (int m = 0; m < letters; ++m)
    ASSERT_EQ(p.submit(m % keys, std::to_string(m / keys)), submit_status::accepted);
  p.drain();
  works = true;
  std::filesystem::rename(here.file(), moved);
  file.reopen();
  const auto result = redrive_dead_letters<int, std::string>(moved, p);
  EXPECT_TRUE(result.complete());
  EXPECT_EQ(result.redriven, static_cast<std::size_t>(letters));
  std::vector<std::vector<int>> again(keys);
  for (const auto& [key, message] : left(here.file()))
    again[static_cast<std::size_t>(key)].push_back(std::stoi(message));
  for (std::size_t key = 0; key < keys; ++key) {
    EXPECT_TRUE(std::is_sorted(handled[key].begin(), handled[key].end()));
    EXPECT_TRUE(std::is_sorted(again[key].begin(), again[key].end()));
    EXPECT_EQ(handled[key].size() + again[key].size(), static_cast<std::size_t>(letters / keys));
  }
}

TEST(dead_letter_redrive, ends_when_the_processor_is_shut_down) {
  const file_directory here;
  fill_file(here.file(), four);
  convoy::runtime rt{{.concurrency = 2}};
  convoy::processor<int, std::string> p{rt, [](std::string&) {}};
  (void)p.shutdown(1s);
  const auto result = redrive_dead_letters<int, std::string>(here.file(), p);
  EXPECT_EQ(result.status, submit_status::closed);
  EXPECT_EQ(left(here.file()), four);
}

TEST(dead_letter_redrive, leaves_what_a_shutdown_discards) {
  const file_directory here;
  fill_file(here.file(), four);
  gate held;
  convoy::runtime rt{{.concurrency = 2}};
  convoy::processor<int, std::string> p{
      rt,
      [&](std::string&) {
        held.pass();
        return convoy::outcome::retry_after(1h);
      },
      {.failure = convoy::failure_policy{.attempts = 2, .ceiling = 2h},
       .dead_letters = [](auto&) { throw convoy::dead_letter_refused("never"); }}};
  std::thread ends([&] {
    held.await_visitors();
    held.open();
    (void)p.shutdown(0s);
  });
  const auto result = redrive_dead_letters<int, std::string>(here.file(), p);
  ends.join();
  EXPECT_EQ(result.status, submit_status::closed);
  EXPECT_EQ(left(here.file()), four);
}

} // namespace
