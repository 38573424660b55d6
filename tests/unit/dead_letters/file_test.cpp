#include "dead_letters/file_directory.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_file.hpp>
#include <convoy/dead_letter_reader.hpp>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
using convoy::dead_letter_refused;
using convoy::death;
using convoy::test::content_of;
using convoy::test::file_directory;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using then_what = dead_letter_refused::then;

using file_type = convoy::dead_letter_file<int, std::string>;

template <class Key, class Message>
void offer(convoy::dead_letter_file<Key, Message>& file, const std::type_identity_t<Key>& key,
           std::type_identity_t<Message> message) {
  file({.key = key, .message = message, .sequence = 0});
}

/// What the sink says when it refuses, which it must.
std::string refusal(file_type& file, then_what next, std::string message = "m") {
  try {
    offer(file, 1, std::move(message));
    ADD_FAILURE() << "it was not refused";
    return "";
  } catch (const dead_letter_refused& refused) {
    EXPECT_EQ(refused.next(), next);
    return refused.what();
  }
}

/// What it says when the file can't be opened.
std::string error_of(const std::string& path, file_type::options wanted = {}) {
  try {
    file_type file(path, std::move(wanted));
    return "";
  } catch (const std::system_error& error) {
    return error.what();
  }
}

/// Its key and its message; the rest is no matter.
std::string line_start(int key) {
  return "{\"key\":" + std::to_string(key) + ",";
}
std::string line_end(const std::string& message) {
  return ",\"message\":\"" + message + "\"}\n";
}

TEST(dead_letter_file, tells_all_of_a_letter) {
  const file_directory here;
  file_type file(here.file());
  std::string message = "the \"message\"";
  const auto now = std::chrono::steady_clock::now();
  const auto first = std::make_exception_ptr(std::runtime_error("tab\tback\\slash\nbad\xFF€"));
  file({.key = -5,
        .message = message,
        .sequence = 7,
        .attempts = 3,
        .why = death::failed,
        .first_error = first,
        .last_error = std::make_exception_ptr(1),
        .first_failed = now,
        .died = now});
  file({.key = 6,
        .message = message,
        .sequence = 8,
        .why = death::shutdown,
        .died = now,
        .reason = "\"late\""});
  const std::string time =
      R"("20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.)"
      "[0-9][0-9][0-9][0-9][0-9][0-9]Z\"";
  EXPECT_THAT(
      content_of(here.file()),
      MatchesRegex(R"(\{"key":-5,"sequence":7,"attempts":3,"why":"failed",)"
                   R"("first_error":"tab\\u0009back\\\\slash\\u000abad)"
                   "\xEF\xBF\xBD€"
                   R"(","last_error":"something that is no std::exception","first_failed":)" +
                   time + ",\"died\":" + time +
                   R"(,"redriven":0,"message":"the \\"message\\""})"
                   "\n"
                   R"(\{"key":6,"sequence":8,"attempts":0,"why":"shutdown","reason":"\\"late\\"",)"
                   R"("first_error":null,)"
                   R"("last_error":null,"first_failed":null,"died":)" +
                   time +
                   R"(,"redriven":0,"message":"the \\"message\\""})"
                   "\n"));
  EXPECT_EQ(message, "the \"message\"");
}

TEST(dead_letter_file, tells_both_times_of_a_letter_by_one_look_at_the_clock) {
  const file_directory here;
  file_type file(here.file());
  std::string message = "m";
  for (int i = 0; i < 2'000; ++i) {
    const auto failed = std::chrono::steady_clock::now();
    file({.key = 1,
          .message = message,
          .sequence = 0,
          .attempts = 1,
          .first_failed = failed,
          .died = failed + std::chrono::microseconds(7)});
  }
  for (const auto& letter : convoy::read_dead_letters<int, std::string>(here.file()))
    ASSERT_EQ(letter.died - *letter.first_failed, std::chrono::microseconds(7)) << letter.line;
}

TEST(dead_letter_file, takes_what_a_processor_gives_it) {
  const file_directory here;
  {
    convoy::dead_letter_file<std::string, int> file(here.file(), {.sync = true});
    convoy::runtime rt{{.concurrency = 2}};
    convoy::processor<std::string, int> p{
        rt, [](int&) { throw std::runtime_error("why"); }, {.dead_letters = std::ref(file)}};
    for (int m = 0; m < 2; ++m)
      ASSERT_EQ(p.submit("key", m), convoy::submit_status::accepted);
  }
  const std::string line = R"(\{"key":"key","sequence":[0-9]+,"attempts":1,"why":"failed",)"
                           R"("first_error":"why","last_error":"why",[^}]*,"message":)";
  EXPECT_THAT(content_of(here.file()), MatchesRegex(line + "0}\n" + line + "1}\n"));
}

TEST(dead_letter_file, writes_what_formatters_return_in_one_line) {
  struct order {
    int number;
  };
  const file_directory here;
  convoy::dead_letter_file<double, order> file(
      here.file(), {.key_json = [](const double& key) { return "[" + std::to_string(key) + "]"; },
                    .message_json =
                        [](const order& o) {
                          return "{\n  \"number\":\r\n" + std::to_string(o.number) + "\n}";
                        }});
  offer(file, 0.5, order{7});
  EXPECT_THAT(content_of(here.file()), MatchesRegex(R"(\{"key":\[0.500000\],.*)"
                                                    R"("message":\{   "number":  7 }})"
                                                    "\n"));
}

TEST(dead_letter_file, asks_for_the_formatters_it_needs) {
  const file_directory here;
  try {
    convoy::dead_letter_file<int, double> file(here.file());
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("message_json"));
  }
  EXPECT_FALSE(fs::exists(here.file()));
}

TEST(dead_letter_file, parks_what_formatters_fail_at) {
  const file_directory here;
  file_type file(here.file(), {.message_json = [](const std::string& message) -> std::string {
                   if (message == "bad_alloc")
                     throw std::bad_alloc();
                   if (message == "error")
                     throw std::runtime_error("can't format");
                   if (message == "int")
                     throw 1;
                   return "";
                 }});
  EXPECT_THAT(refusal(file, then_what::offer_again, "bad_alloc"), HasSubstr("memory"));
  EXPECT_EQ(refusal(file, then_what::park, "error"), "can't format");
  EXPECT_THAT(refusal(file, then_what::park, "int"), HasSubstr("no std::exception"));
  EXPECT_THAT(refusal(file, then_what::park, ""), HasSubstr("no JSON"));
  EXPECT_EQ(content_of(here.file()), "");
}

TEST(dead_letter_file, cuts_a_torn_line_off) {
  for (const std::size_t length : {1u, 4'095u, 4'096u, 4'097u, 70'000u})
    for (const std::string whole : {"", "{}\n", "{}\n{}\n"}) {
      const file_directory here;
      const auto path = here.file(whole + std::string(length, 'x'));
      file_type file(path);
      EXPECT_EQ(file.torn(), length);
      EXPECT_EQ(content_of(path), whole);
      offer(file, 1, "m");
      EXPECT_TRUE(content_of(path).starts_with(whole + line_start(1)));
    }
}

TEST(dead_letter_file, is_created_for_its_owner_and_keeps_the_mode_it_has) {
  const file_directory here;
  const auto path = here.file();
  const auto others = fs::perms::group_all | fs::perms::others_all;
  { file_type file(path); }
  EXPECT_EQ(fs::status(path).permissions() & others, fs::perms::none);
  fs::permissions(path, fs::perms::owner_all | fs::perms::group_read);
  { file_type file(path); }
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all | fs::perms::group_read);
}

TEST(dead_letter_file, may_have_any_name_that_a_file_may_have) {
  const file_directory here;
  for (const std::string& name :
       {std::string(255, 'x'), std::string("a\nb"), std::string("\xFF")}) {
    const auto path = here.file("", name);
    file_type file(path, {.sync = true});
    offer(file, 1, "m");
    EXPECT_TRUE(content_of(path).starts_with(line_start(1)));
    EXPECT_THAT(error_of(path), AllOf(HasSubstr("somebody else"), Not(HasSubstr("\n"))));
  }
  EXPECT_THROW(file_type(here.file() + std::string("\0x", 2)), std::invalid_argument);
}

TEST(dead_letter_file, goes_where_it_was_when_the_process_goes_elsewhere) {
  const file_directory here, elsewhere;
  const auto before = fs::current_path();
  fs::current_path(fs::path(here.file()).parent_path());
  file_type file("dead.jsonl");
  fs::current_path(fs::path(elsewhere.file()).parent_path());
  offer(file, 1, "m");
  fs::current_path(before);
  EXPECT_TRUE(content_of(here.file()).starts_with(line_start(1)));
  EXPECT_FALSE(fs::exists(elsewhere.file()));
}

TEST(dead_letter_file, refuses_in_a_forked_child) {
  const file_directory here;
  file_type file(here.file());
  const pid_t child = ::fork();
  if (child == 0) {
    int result = 1;
    try {
      offer(file, 1, "m");
    } catch (const dead_letter_refused& refused) {
      result = refused.next() == then_what::park ? 0 : 2;
    }
    ::_exit(result);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(content_of(here.file()), "");
}

TEST(dead_letter_file, goes_on_with_whole_lines) {
  const file_directory here;
  for (int key = 0; key < 3; ++key) {
    file_type file(here.file(), {.sync = key % 2 == 0});
    EXPECT_EQ(file.torn(), 0u);
    offer(file, key, "m");
  }
  EXPECT_THAT(content_of(here.file()),
              MatchesRegex("[{]\"key\":0,.*\n[{]\"key\":1,.*\n[{]\"key\":2,.*\n"));
}

TEST(dead_letter_file, has_one_writer) {
  const file_directory here;
  const auto path = here.file("{}\ntorn");
  {
    file_type first(path);
    std::ofstream(path, std::ios::app) << "not yet whole";
    EXPECT_THAT(error_of(path), AllOf(HasSubstr(path), HasSubstr("somebody else has opened")));
    EXPECT_EQ(content_of(path), "{}\nnot yet whole"); // which the second must not repair
  }
  EXPECT_EQ(error_of(path), "");
  EXPECT_EQ(content_of(path), "{}\n");
}

TEST(dead_letter_file, tells_why_it_cant_be_opened) {
  const file_directory here;
  EXPECT_THAT(error_of("/nonexistent/dead.jsonl"),
              AllOf(HasSubstr("can't open '/nonexistent/dead.jsonl'"), HasSubstr("No such file")));
  EXPECT_THAT(error_of(fs::path(here.file()).parent_path()), HasSubstr("Is a directory"));
}

TEST(dead_letter_file, refuses_while_the_disk_is_full) {
  file_type file("/dev/full", {.sync = true});
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(
        refusal(file, then_what::offer_again),
        AllOf(HasSubstr("'/dev/full'"), HasSubstr("make room"), HasSubstr("No space left")));
}

/// For as long as it lives no file can grow beyond so many bytes: the write that reaches there is short, and
/// the next one fails.
class file_size_limit {
public:
  explicit file_size_limit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~file_size_limit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, handler_);
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;

private:
  rlimit before_{};
  void (*handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);
};

TEST(dead_letter_file, leaves_nothing_of_a_line_that_does_not_fit) {
  const file_directory here;
  file_type file(here.file());
  offer(file, 1, "first");
  const auto first = content_of(here.file());
  {
    const file_size_limit limit(1'000);
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(refusal(file, then_what::offer_again, std::string(2'000, 'x')),
                  AllOf(HasSubstr(here.file()), HasSubstr("File too large")));
      EXPECT_EQ(content_of(here.file()), first);
    }
    offer(file, 2, "short");
  }
  offer(file, 3, std::string(2'000, 'x'));
  EXPECT_THAT(content_of(here.file()),
              AllOf(HasSubstr(first + line_start(2)), HasSubstr(line_end("short") + line_start(3)),
                    testing::EndsWith(line_end(std::string(2'000, 'x')))));
}

TEST(dead_letter_file, is_written_by_threads_at_once) {
  constexpr int threads = 4, letters = 200;
  const file_directory here;
  file_type file(here.file());
  std::vector<std::thread> writers;
  for (int key = 0; key < threads; ++key)
    writers.emplace_back([&, key] {
      for (int i = 0; i < letters; ++i)
        offer(file, key, std::to_string(i));
    });
  for (auto& writer : writers)
    writer.join();
  std::vector<int> next(threads, 0);
  std::ifstream in(here.file());
  for (std::string line; std::getline(in, line);) {
    int key = -1;
    ASSERT_EQ(std::sscanf(line.c_str(), "{\"key\":%d,", &key), 1) << line;
    ASSERT_TRUE(key >= 0 && key < threads);
    auto& number = next[static_cast<std::size_t>(key)];
    EXPECT_TRUE((line + '\n').ends_with(line_end(std::to_string(number++)))) << line;
  }
  EXPECT_THAT(next, testing::Each(letters));
}

} // namespace
