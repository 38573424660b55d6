#include "gate.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <future>
#include <stdexcept>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace {

using convoy::submit_status;
using std::chrono::milliseconds;

// What is measured: who is woken that should not be, has time to come.
constexpr milliseconds a_moment{30};

TEST(event_count, wakes_as_many_as_it_is_told) {
  convoy::detail::event_count event{std::chrono::hours(1)};
  std::atomic<int> looks{0};
  std::atomic<bool> ready{false};
  constexpr int waiters = 8;
  std::vector<std::jthread> threads;
  for (int i = 0; i < waiters; ++i)
    threads.emplace_back([&] {
      event.wait([&] {
        ++looks;
        return ready.load();
      });
    });
  ASSERT_TRUE(eventually([&] { return looks == waiters; }));
  std::this_thread::sleep_for(a_moment); // until they sleep
  for (const int woken : {1, 3}) {
    const int before = looks;
    event.notify(static_cast<std::uint64_t>(woken));
    EXPECT_TRUE(eventually([&] { return looks >= before + woken; }));
    std::this_thread::sleep_for(a_moment);
    EXPECT_EQ(looks, before + woken);
  }
  ready = true;
  event.notify(1'000);
}

// Room for one wakes one of the waiting threads. It fails before it takes it.
struct hash_that_throws {
  std::atomic<bool>* throws;
  std::size_t operator()(int key) const {
    if (key == 1 && throws->load())
      throw std::runtime_error("hash");
    return static_cast<std::size_t>(key);
  }
};

TEST(submit, that_is_woken_for_room_and_fails_leaves_it_to_another) {
  convoy::runtime rt{{.concurrency = 1}};
  std::atomic<bool> throws{false};
  gate held;
  convoy::processor<int, int, void, hash_that_throws> p{
      rt, [&](int&) { held.pass(); }, {.capacity = 1}, {&throws}};
  ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
  held.await_visitors();
  auto failing = std::async(std::launch::async, [&] { return p.submit(1, 0); });
  std::this_thread::sleep_for(a_moment); // it is the first to wait
  auto other = std::async(std::launch::async, [&] { return p.submit(2, 0); });
  std::this_thread::sleep_for(a_moment);
  throws = true;
  held.open();
  EXPECT_THROW((void)failing.get(), std::runtime_error);
  if (other.wait_for(patience) != std::future_status::ready)
    p.close(); // it would wait for ever
  EXPECT_EQ(other.get(), submit_status::accepted);
}

long voluntary_switches() {
  rusage used{};
  getrusage(RUSAGE_THREAD, &used);
  return used.ru_nvcsw;
}

TEST(submit, wakes_no_crowd_for_one_place) {
  convoy::runtime rt{{.concurrency = 1}};
  convoy::processor<int, int> p{
      rt,
      [](int&) { std::this_thread::sleep_for(std::chrono::microseconds(200)); },
      {.capacity = 16}};
  constexpr int producers = 32, each = 16;
  std::atomic<long> sleeps{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < producers; ++i)
      threads.emplace_back([&] {
        const auto before = voluntary_switches();
        for (int n = 0; n < each; ++n)
          EXPECT_EQ(p.submit(0, n), submit_status::accepted);
        sleeps += voluntary_switches() - before;
      });
  }
  EXPECT_LT(sleeps, 6L * producers * each); // all woken for each place would be about 32
}

} // namespace
