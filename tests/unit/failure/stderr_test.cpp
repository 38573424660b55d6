#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <exception>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// What stays on stderr says who threw, in words of its own.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::runtime;
using convoy::submit_status;
using numbers_with_state = convoy::processor<int, int, int>;

[[noreturn]] void fail() {
  throw std::runtime_error("out of paper");
}

/// Makes `who` throw.
struct complaint {
  const char* name;
  void (*make)(runtime& rt);
  const char* expected;
};
std::ostream& operator<<(std::ostream& out, const complaint& c) {
  return out << c.name;
}

void submit_one(numbers_with_state& p) {
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
}

const complaint complaints[] = {
    {"handler",
     [](runtime& rt) {
       numbers_with_state p{rt, [](int&, int&) { fail(); }};
       submit_one(p);
     },
     "convoy: a handler threw: out of paper; its message is a dead letter; set on_error or "
     "dead_letters to see to it\n"},
    {"handler_that_says_outcomes",
     [](runtime& rt) {
       numbers_with_state p{rt, [](int&, int&) -> outcome { fail(); }};
       submit_one(p);
     },
     "convoy: a handler threw: out of paper; its message is a dead letter; set on_error or "
     "dead_letters to see to it\n"},
    {"handler_without_an_exception",
     [](runtime& rt) {
       numbers_with_state p{rt, [](int&, int&) { throw 5; }};
       submit_one(p);
     },
     "convoy: a handler threw something that is no std::exception; its message is a dead letter; "
     "set on_error or dead_letters to see to it\n"},
    {"state_make",
     [](runtime& rt) {
       numbers_with_state p{
           rt, [](int&, int&) {}, {.state = {.make = [](const int&) -> int { fail(); }}}};
       submit_one(p);
     },
     "convoy: a handler threw: out of paper; its message is a dead letter; set on_error or "
     "dead_letters to see to it\n"},
    {"sink",
     [](runtime& rt) {
       numbers_with_state p{
           rt, [](int&, int&) { return outcome::skip; }, {.dead_letters = [](auto&) { fail(); }}};
       submit_one(p);
     },
     "convoy: the sink of dead letters threw: out of paper; it is not offered that dead letter "
     "again\n"},
    {"sink_that_refuses_to_the_end",
     [](runtime& rt) {
       numbers_with_state p{
           rt, [](int&, int&) { return outcome::skip; }, {.dead_letters = [](auto&) {
             throw convoy::dead_letter_refused("full");
           }}};
       submit_one(p);
       (void)p.shutdown(1ms);
     },
     "convoy: the sink of dead letters threw: full; that dead letter is discarded: the processor "
     "ends\n"},
    {"then",
     [](runtime& rt) {
       numbers_with_state p{rt, [](int&, int&) {}};
       p.fence(1, [] { fail(); });
     },
     "convoy: a callback (`then`) threw: out of paper; it counts as called\n"},
    {"watchdog_report",
     [](runtime& rt) {
       std::atomic<bool> reported{false};
       numbers_with_state p{rt,
                            [&](int&, int&) {
                              while (!reported)
                                std::this_thread::sleep_for(1ms);
                            },
                            {.watchdog = {.threshold = 5ms, .report = [&](const auto&) {
                                            if (!reported.exchange(true))
                                              fail();
                                          }}}};
       submit_one(p);
     },
     "convoy: watchdog.report threw: out of paper; the watchdog goes on\n"},
    {"on_error",
     [](runtime& rt) {
       numbers_with_state p{rt,
                            [](int&, int&) { throw std::runtime_error("no ink"); },
                            {.on_error = [](const int&, const std::exception_ptr&) { fail(); }}};
       submit_one(p);
     },
     "convoy: a handler threw: no ink; its message is a dead letter; set on_error or dead_letters "
     "to see to it\n"
     "convoy: on_error threw: out of paper; it was told of what the line before says\n"},
    {"on_parked",
     [](runtime& rt) {
       numbers_with_state p{rt,
                            [](int&, int&) { return outcome::park; },
                            {.on_parked = [](const int&, const std::exception_ptr&) { fail(); }}};
       submit_one(p);
       EXPECT_TRUE(eventually([&] { return p.parked() == 1; }));
     },
     "convoy: on_parked threw: out of paper; the key is parked all the same; set on_error to see "
     "to it\n"},
    {"on_evict",
     [](runtime& rt) {
       numbers_with_state p{
           rt, [](int&, int&) {}, {.state = {.on_evict = [](const int&, int&) { fail(); }}}};
       submit_one(p);
     },
     "convoy: state.on_evict threw: out of paper; the state is gone all the same; set on_error to "
     "see to it\n"},
    {"marker",
     [](runtime& rt) {
       numbers_with_state p{rt,
                            [](int&, int&) { return outcome::fail_rest; },
                            {.marker = [](const int&) -> bool { fail(); }}};
       p.pause(1);
       submit_one(p);
       submit_one(p);
       p.resume(1);
       p.drain();
     },
     "convoy: marker threw: out of paper; the message counts as not marked; set on_error to see to "
     "it\n"},
    {"positions",
     [](runtime& rt) {
       const numbers_with_state p{
           rt, [](int&, int&) {}, {.positions = []() -> std::vector<convoy::source_position> {
             fail();
           }}};
       (void)p.snapshot();
     },
     "convoy: positions threw: out of paper; the snapshot has none\n"},
};

class what_stays_on_stderr : public testing::TestWithParam<complaint> {};

TEST_P(what_stays_on_stderr, names_what_failed) {
  testing::internal::CaptureStderr();
  {
    runtime rt{{.concurrency = 1}};
    GetParam().make(rt);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(each, what_stays_on_stderr, testing::ValuesIn(complaints),
                         [](const auto& tested) { return tested.param.name; });

} // namespace
