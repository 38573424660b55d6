// What the library costs, in instructions of one thread. A figure that has grown by a thirtieth fails; one that
// has shrunk as much does, too, so that the table stays true. Times are measured elsewhere, and asserted nowhere.
//
//   costs [ROW]    all rows, or one
//
// Exit status 77: instructions can't be counted here.

#include "single_steps.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using costs::mark;

constexpr std::uint64_t messages = 512; // between the marks: two segments of a ring
/// Between those of handlers: where the last visit before them has ended depends on real time, and
/// a visit is some 2,500 instructions.
constexpr std::uint64_t handled_messages = 8 * messages;

struct message { // 16 bytes
  std::uint64_t number = 0;
  std::uint64_t holds_worker = 0;
};

template <class Key>
Key key_of(int i) {
  if constexpr (std::is_same_v<Key, std::string>)
    return "key " + std::to_string(i);
  else
    return i;
}

/// One worker, which is held by a message of another key until it is let go.
template <class Key>
class held_processor {
public:
  held_processor() {
    submit(key_of<Key>(-1), {.holds_worker = 1});
    while (!is_held_)
      std::this_thread::yield();
  }

  void submit(const Key& key, const message& m) {
    if (p_.submit(key, m) != submit_status::accepted) [[unlikely]]
      std::abort();
  }
  template <class Range>
  void submit_bulk(const Range& all) {
    if (p_.submit_bulk(all).status != submit_status::accepted) [[unlikely]]
      std::abort();
  }

  /// Counts from the handler's `first` call on. Does not return: the second mark is the end.
  [[noreturn]] void let_go(std::uint64_t first) {
    next_mark_ = first;
    is_let_go_ = true;
    for (;;)
      pause();
  }

private:
  void handle(const message& m) {
    if (m.holds_worker != 0) [[unlikely]]
      return hold();
    if (++handled_ == next_mark_) [[unlikely]] {
      next_mark_ += handled_messages;
      mark();
    }
  }
  [[gnu::noinline]] void hold() {
    is_held_ = true;
    while (!is_let_go_)
      std::this_thread::yield();
  }

  std::uint64_t handled_ = 0;
  std::uint64_t next_mark_ = 0;
  std::atomic<bool> is_held_{false};
  std::atomic<bool> is_let_go_{false};
  runtime rt_{{.concurrency = 1}};
  processor<Key, message> p_{rt_, [this](message& m) { handle(m); }};
};

template <class Key>
std::vector<std::pair<Key, message>> some(std::uint64_t count, std::uint64_t keys) {
  std::vector<std::pair<Key, message>> all;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto drawn = i * 0x9E3779B97F4A7C15 >> 32; // not in the order of the keys
    all.emplace_back(key_of<Key>(static_cast<int>(drawn % keys)), message{.number = i});
  }
  return all;
}

/// Submits while the worker is held, so that nobody has to be woken.
template <class Key>
void submit_singly(std::uint64_t keys) {
  held_processor<Key> p;
  const auto all = some<Key>(messages, keys);
  const auto submit_all = [&] {
    for (const auto& [key, m] : all)
      p.submit(key, m);
  };
  submit_all();
  mark();
  submit_all();
  mark();
}

template <class Key>
void submit_in_bulk(std::uint64_t keys) {
  held_processor<Key> p;
  const auto all = some<Key>(messages, keys);
  p.submit_bulk(all);
  mark();
  p.submit_bulk(all);
  mark();
}

/// The worker handles what waits in the ring.
template <class Key>
void handle(std::uint64_t keys) {
  held_processor<Key> p;
  constexpr std::uint64_t before = 65'536; // until the ways have settled
  const auto all = some<Key>(before + handled_messages, keys);
  for (const auto& [key, m] : all)
    p.submit(key, m);
  p.let_go(before);
}

struct row {
  std::string_view name;
  void (*run)(std::uint64_t keys);
  std::uint64_t keys;
  double known; // instructions per message
  std::uint64_t counted = messages;
  int tries = 1;
};

constexpr double tolerance = 1. / 30;

/// With g++ 12, -O3.
constexpr row rows[] = {
    {"submit/int/keys:1000", submit_singly<int>, 1'000, 48.4},
    {"submit/string/keys:1000", submit_singly<std::string>, 1'000, 206.8},
    {"submit_bulk/int/keys:1", submit_in_bulk<int>, 1, 44.4},
    {"submit_bulk/int/keys:1000", submit_in_bulk<int>, 1'000, 45.3},
    {"handle/int/keys:1", handle<int>, 1, 55.7, handled_messages, 3},
    {"handle/int/keys:1000", handle<int>, 1'000, 55.6, handled_messages, 3},
};

} // namespace

int main(int argc, char** argv) {
  const std::string_view asked = argc > 1 ? argv[1] : "";
  constexpr std::string_view option = "--case="; // for the copy
  bool is_well = true;
  for (const auto& each : rows) {
    if (asked == std::string(option) + std::string(each.name)) {
      costs::share_count(argc, argv);
      each.run(each.keys);
      _exit(1); // a counted one is ended by then
    }
    if (!asked.empty() && asked != each.name)
      continue;
    double found = 0;
    bool fits = false;
    // A handler that was preempted just before the count looks slow, and the next ones are handed out.
    for (int tries = 0; tries < each.tries && !fits; ++tries) {
      const auto counted = costs::count_instructions(std::string(each.name));
      if (!counted) {
        std::printf("%s: instructions can't be counted here (ptrace)\n", each.name.data());
        return 77;
      }
      found = static_cast<double>(*counted) / static_cast<double>(each.counted);
      fits = found < each.known * (1 + tolerance) && found > each.known * (1 - tolerance);
    }
    std::printf("%-28s %6.1f instructions per message, %5.1f are known%s\n", each.name.data(),
                found, each.known, fits ? "" : ": a thirtieth apart");
    is_well &= fits;
    std::fflush(stdout);
  }
  return is_well ? 0 : 1;
}
