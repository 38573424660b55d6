#pragma once

// Messages per second: from outside producers, or put in line first and then released. Timed from
// the first submit to the last handler's end.

#include "harness/run.hpp"

#include <set>
#include <string>

namespace bench {

/// The oracle's look, once for each benchmark and not for each of its repetitions.
template <class Running>
bool proved(benchmark::State& state, const traits& t, const std::string& name, Running& run) {
  static std::set<std::string> done;
  if (done.contains(name) && t.keeps_order)
    return true;
  std::string label;
  if (const auto wrong = run.prove(t, &label); !wrong.empty()) {
    fail(state, wrong);
    return false;
  }
  state.SetLabel(label);
  done.insert(name);
  return true;
}

template <class Subject, class Key, class Message>
void streamed(benchmark::State& state, const traits& t, const std::string& name, const load& l) {
  if (too_large(state, t, l))
    return;
  running<Subject, Key, Message> run(l);
  if (!proved(state, t, name, run))
    return;
  for (auto _ : state) {
    const auto begin = run.stream_all();
    if (!run.drain(l.messages))
      return fail(state, "messages lost or handled twice");
    state.SetIterationTime(seconds(clock::now() - begin).count());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(l.messages));
}

template <class Subject, class Key, class Message>
void preloaded(benchmark::State& state, const traits& t, const std::string& name, const load& l) {
  if (too_large(state, t, l))
    return;
  running<Subject, Key, Message> run(l);
  if (!proved(state, t, name, run))
    return;
  for (auto _ : state) {
    const auto gates = run.hold_workers();
    run.stream_all();
    const auto begin = clock::now();
    run.release_workers();
    if (!run.drain(l.messages + gates))
      return fail(state, "messages lost or handled twice");
    state.SetIterationTime(seconds(clock::now() - begin).count());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(l.messages));
}

/// A load over a million keys; for who is slow at making keys, over fewer.
inline load over_many_keys(const traits& t) {
  auto wanted = sized({.keys = uniform_1000000});
  if (t.slow_keys)
    wanted.keys.keys /= 10;
  return wanted;
}

inline load sized_for(const traits& t, load wanted) {
  if (t.slow && wanted.messages == 0 && wanted.cost < std::chrono::microseconds(1))
    wanted.messages = 250'000;
  return sized(wanted);
}

/// Registers a subject's throughput. Everybody does the base set: five distributions of keys, one
/// producer, empty handlers, 16 bytes. Then one thing at a time is varied.
template <template <class, class> class Subject>
class throughput {
public:
  explicit throughput(traits t) : traits_(std::move(t)) {}

  void base() const {
    for (const auto& keys : distributions)
      add_streamed<std::uint64_t, message<16>>({.keys = keys}, "");
  }

  void costs() const {
    for (const auto cost : {std::chrono::nanoseconds(100), std::chrono::nanoseconds(1'000)})
      for (const auto& keys : distributions)
        if (varied_over(keys))
          add_streamed<std::uint64_t, message<16>>({.keys = keys, .cost = cost},
                                                   "/cost:" + std::to_string(cost.count()) + "ns");
  }

  void producers() const {
    for (const auto count : {2u, 4u, 8u})
      for (const auto& keys : {one_key, uniform_1000})
        add_streamed<std::uint64_t, message<16>>({.keys = keys, .producers = count},
                                                 "/producers:" + std::to_string(count));
  }

  /// Whether one hot key holds against a crowd.
  void crowd() const {
    add_streamed<std::uint64_t, message<16>>({.keys = one_key, .producers = 64}, "/producers:64");
  }

  void sizes() const {
    add_streamed<std::uint64_t, message<64>>({.keys = uniform_1000}, "/bytes:64");
    add_streamed<std::uint64_t, message<256>>({.keys = uniform_1000}, "/bytes:256");
  }

  void text_keys() const {
    add_streamed<std::string, message<16>>({.keys = uniform_1000}, "/text:12");
    add_streamed<std::string, message<16>>({.keys = uniform_1000, .long_text = true}, "/text:24");
  }

  void preload() const {
    for (const auto& keys : distributions)
      if (varied_over(keys))
        add("preloaded", traits_.name, keys.name(), [t = traits_, keys](benchmark::State& state) {
          preloaded<Subject<std::uint64_t, message<16>>, std::uint64_t, message<16>>(
              state, t, "preloaded/" + t.name + keys.name(), sized_for(t, {.keys = keys}));
        });
  }

private:
  static constexpr distribution distributions[] = {one_key, uniform_1000, uniform_1000000,
                                                   zipf_10000, zipf_1000};

  [[nodiscard]] bool varied_over(const distribution& keys) const {
    return !traits_.slow_keys || keys != uniform_1000000;
  }

  template <class Key, class Message>
  void add_streamed(const load& wanted, const std::string& varied) const {
    add("streamed", traits_.name, wanted.keys.name() + varied,
        [t = traits_, wanted, varied](benchmark::State& state) {
          streamed<Subject<Key, Message>, Key, Message>(
              state, t, t.name + wanted.keys.name() + varied, sized_for(t, wanted));
        });
  }

  traits traits_;
};

} // namespace bench
