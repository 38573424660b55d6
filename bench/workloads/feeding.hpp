#pragma once

// Self-feeding: handlers submit the next message, as actors, state machines and pipelines do. The
// first messages wait behind gates; timed from their release to the last handler's end.

#include "harness/run.hpp"
#include "workloads/throughput.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Where the first messages are, and what follows from one.
struct hop {
  std::uint32_t key;
  std::uint64_t number;
};

/// Tokens go round rings of keys at equal distances, so that a key sees a new token every
/// `distance` steps: numbers count them. Two keys and one token are ping-pong.
struct rings {
  std::uint32_t count, length, tokens;
  std::uint64_t laps = 1;

  static rings sized(std::uint32_t count, std::uint32_t length, std::uint32_t tokens) {
    const auto lap = std::uint64_t{count} * length * tokens;
    return {count, length, tokens, std::max<std::uint64_t>(bench::sized(load{}).messages / lap, 1)};
  }

  [[nodiscard]] std::uint32_t keys() const { return count * length; }
  [[nodiscard]] std::uint64_t messages() const { return laps * keys() * tokens; }
  [[nodiscard]] std::vector<hop> first() const {
    std::vector<hop> all;
    for (std::uint32_t key = 0; key < keys(); key += length / tokens)
      all.push_back({key, 1});
    return all;
  }
  template <class Emit>
  void next(hop at, Emit&& emit) const {
    const auto begin = at.key - at.key % length;
    const auto key = begin + (at.key - begin + 1) % length;
    const auto number = at.number + (key % (length / tokens) == 0 ? 1 : 0);
    if (number <= laps * tokens)
      emit(hop{key, number});
  }
};

/// A key submits to two others, these to four: a thousand times through a tree of 1,023 keys. What
/// comes to a key comes from one other, so order is preserved all the way.
struct trees {
  std::uint64_t count = 1;
  static constexpr std::uint32_t size = 1'023;

  static trees sized() {
    return {std::max<std::uint64_t>(bench::sized(load{}).messages / size, 1)};
  }

  [[nodiscard]] std::uint32_t keys() const { return size; }
  [[nodiscard]] std::uint64_t messages() const { return count * size; }
  [[nodiscard]] std::vector<hop> first() const {
    std::vector<hop> all;
    for (std::uint64_t number = 1; number <= count; ++number)
      all.push_back({0, number});
    return all;
  }
  template <class Emit>
  void next(hop at, Emit&& emit) const {
    if (at.key >= size / 2)
      return;
    emit(hop{2 * at.key + 1, at.number});
    emit(hop{2 * at.key + 2, at.number});
  }
};

/// Watches the handler, and submits what follows.
template <class Running, class Shape>
class feeder : public oracle {
public:
  feeder(Running& run, const Shape& shape, bool checks)
      : oracle(run.keys(), 1), run_(run), shape_(shape), checks_(checks) {}

  void see(const message_head& m) override {
    if (checks_)
      oracle::see(m);
    shape_.next({m.key, m.number}, [this](hop to) { submit(*run_, to); });
  }

  /// Outside, from the first submit until all is handled. False if something was lost.
  bool go(clock::time_point& begin) {
    run_.handle().watched_by = this;
    const auto gates = run_.hold_workers();
    for (const auto& to : shape_.first())
      run_.submit_one(to.key, message_to(to));
    begin = clock::now();
    run_.release_workers();
    const bool complete = run_.await(shape_.messages() + gates);
    run_.handle().watched_by = nullptr;
    return complete;
  }

private:
  using message_type = typename Running::message_type;

  static message_type message_to(hop to) {
    message_type m{};
    m.key = to.key;
    m.number = to.number;
    return m;
  }

  template <class Subject>
  static void submit(Subject& subject, hop to) {
    subject.submit(to.key, message_to(to));
  }

  Running& run_;
  const Shape& shape_;
  bool checks_;
};

template <class Subject, class Shape>
void fed(benchmark::State& state, const traits& t, const Shape& shape) {
  using running_type = running<Subject, std::uint64_t, message<16>>;
  running_type run({.keys = {shape.keys(), 0}});
  clock::time_point begin;
  {
    feeder judge(run, shape, true);
    const bool complete = judge.go(begin);
    std::string label;
    if (const auto wrong = running_type::complaint(t, judge, complete, &label); !wrong.empty())
      return fail(state, wrong);
    state.SetLabel(label);
  }
  for (auto _ : state) {
    feeder feed(run, shape, false);
    if (!feed.go(begin))
      return fail(state, "messages lost or handled twice");
    state.SetIterationTime(seconds(clock::now() - begin).count());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(shape.messages()));
}

template <template <class, class> class Subject>
void add_feeding(const traits& t) {
  using type = Subject<std::uint64_t, message<16>>;
  add("ring", t.name, "keys:1024/tokens:64",
      [t](benchmark::State& state) { fed<type>(state, t, rings::sized(1, 1'024, 64)); });
  for (const std::uint32_t pairs : {1u, 64u})
    add("ping_pong", t.name, "pairs:" + std::to_string(pairs),
        [t, pairs](benchmark::State& state) { fed<type>(state, t, rings::sized(pairs, 2, 1)); });
  add("tree", t.name, "keys:1023",
      [t](benchmark::State& state) { fed<type>(state, t, trees::sized()); });
}

} // namespace bench
