// clean_or_not [race|leak]: a stranger's program that does much with the library, and on demand something wrong.

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

int shared = 0; // without a lock
std::atomic<int> begun{0};

void handler_that_races(int) {
  begun.fetch_add(1, std::memory_order_relaxed); // orders nothing
  while (begun.load(std::memory_order_relaxed) < 2)
    std::this_thread::yield();
  ++shared;
}

/// Two keys, whose handlers run at the same time.
bool race() {
  convoy::runtime rt{{.concurrency = 2}};
  convoy::processor<int, int> racing{rt, [](int& n) { handler_that_races(n); }};
  return racing.submit(1, 1) == convoy::submit_status::accepted &&
         racing.submit(2, 2) == convoy::submit_status::accepted;
}

/// Everything that a key owns is plain memory: inline and staged handlers, retries, times, state, fences.
bool clean() {
  constexpr int keys = 10;
  constexpr int messages = 150;
  std::vector<int> seen(keys);
  std::atomic<int> dead{0};
  convoy::runtime rt{{.concurrency = 3}};
  const auto count = [&](const std::string& key, std::string& text, long& sum) {
    auto& mine = seen[static_cast<std::size_t>(std::stoi(key))];
    if (++mine % 50 == 0)
      std::this_thread::sleep_for(1ms); // others take the partition over
    if (text == "fails")
      throw std::runtime_error("as expected");
    sum += static_cast<long>(text.size());
    return convoy::outcome::done;
  };
  {
    convoy::processor<std::string, std::string, long> counting{
        rt,
        count,
        {.capacity = 256,
         .on_error = [](const std::string&, const std::exception_ptr&) {},
         .failure = convoy::failure_policy{.attempts = 2, .backoff = 1ms},
         .dead_letters = [&](auto&) { ++dead; }}};
    const auto produce = [&](int first) {
      for (int i = 0; i < messages; ++i)
        for (int key = first; key < keys; key += 2)
          (void)counting.submit(std::to_string(key),
                                i == 50 ? "fails" : "a message, long enough to own memory");
    };
    std::thread other(produce, 1);
    produce(0);
    other.join();
    (void)counting.submit_after("1", 1ms, "later");
    counting.fence("2", [&] { ++seen[2]; });
    while (counting.scheduled_messages() != 0) // else it would be a dead letter
      std::this_thread::sleep_for(1ms);
    counting.drain();
  }
  convoy::keyed_executor<int> executor{rt};
  const int answer = executor.async(1, [&] { return seen[1]; }).get();
  return answer == messages + 2 && dead == keys;
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view fault = argc == 2 ? argv[1] : "";
  if (fault == "leak")
    shared = *new int(1);
  if (fault == "race")
    return race() ? 0 : 1;
  bool good = true;
  for (int i = 0; i < 20; ++i) // the next runtime's threads are the last one's
    good = clean() && good;
  return good ? 0 : 1;
}
