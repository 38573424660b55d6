#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>

/// Makes a runtime, uses it, its timer and TBB's threads, and destroys it. Returns the number of handled messages.
extern "C" int use_convoy() {
  std::atomic<int> handled{0};
  convoy::runtime rt{{.concurrency = 2}};
  convoy::processor<int, int> p{rt, [&](int&) { ++handled; }};
  for (int i = 0; i < 100; ++i)
    if (p.submit(i % 3, i) != convoy::submit_status::accepted)
      return -1;
  if (p.submit_after(1, std::chrono::microseconds(100), 1).status() !=
      convoy::submit_status::accepted)
    return -1;
  p.drain();
  return handled;
}
