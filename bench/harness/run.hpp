#pragma once

// One subject under one load: how it is set up, proved and driven, whatever is then measured.

#include "harness/registry.hpp"
#include "harness/subject.hpp"
#include "harness/workload.hpp"

#include <barrier>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bench {

using clock = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;

/// What a benchmark has to know of a subject beside its type.
struct traits {
  std::string name;
  bool keeps_order = true;
  bool slow = false;               ///< takes a quarter of the messages
  bool slow_keys = false;          ///< to make a million takes longer than everything else here
  std::uint64_t bytes_per_key = 0; ///< about; a million may be more than the machine has
};

/// Keys beside those of the load, for the messages that hold workers.
inline constexpr std::uint32_t gate_keys = 32;

/// The same stream for all subjects that come one after another.
template <class Key, class Message>
const std::vector<stream<Key, Message>>& streams_of(const load& l) {
  static std::optional<load> made_for;
  static std::vector<stream<Key, Message>> streams;
  if (made_for != l) {
    streams = make_streams<Key, Message>(l);
    made_for = l;
  }
  return streams;
}

/// Calls function(to) where and with what a thread submits cheapest that submits much.
template <class Subject, class Function>
void produce(Subject& subject, Function&& function) {
  const auto submit = [&] {
    if constexpr (requires { subject.producer(); }) {
      auto producer = subject.producer();
      function(producer);
    } else {
      function(subject);
    }
  };
  if constexpr (requires { subject.inside(submit); })
    subject.inside(submit);
  else
    submit();
}

template <class Subject, class Stream>
void submit_all(Subject& subject, const Stream& all) {
  if constexpr (requires { subject.submit_bulk(all); })
    subject.submit_bulk(all);
  else
    produce(subject, [&](auto& to) {
      for (const auto& [key, m] : all)
        to.submit(key, m);
    });
}

/// A subject that is up, and its handler.
template <class Subject, class Key, class Message>
class running {
public:
  using key_type = Key;
  using message_type = Message;

  explicit running(const load& l, std::uint32_t more_keys = 0)
      : load_(l), keys_(l.keys.keys + gate_keys + more_keys), handler_(rounds_for(l.cost)),
        subject_(std::in_place, setup{workers(), l.producers, keys_, l.long_text}, handler_) {}

  /// Returns what went wrong, or nothing: the stream once, under the oracle's eyes.
  std::string prove(const traits& t, std::string* label = nullptr) {
    oracle judge(keys_, load_.producers);
    handler_.watched_by = &judge;
    stream_all();
    const bool complete = drain(load_.messages);
    handler_.watched_by = nullptr;
    return complaint(t, judge, complete, label);
  }

  static std::string complaint(const traits& t, const oracle& judge, bool complete,
                               std::string* label) {
    if (!complete)
      return "messages lost or handled twice";
    const auto [disorder, overlaps] = judge.judge();
    const auto found = std::to_string(disorder) + " messages out of order, " +
                       std::to_string(overlaps) + " overlaps";
    if (!t.keeps_order && label != nullptr)
      *label = "breaks order: " + found;
    return t.keeps_order && disorder + overlaps > 0 ? found : "";
  }

  /// All producers at once; returns when the first of them could begin.
  clock::time_point stream_all() {
    const auto& streams = streams_of<Key, Message>(load_);
    if (streams.size() == 1) {
      const auto begin = clock::now();
      submit_all(*subject_, streams.front());
      return begin;
    }
    clock::time_point begin;
    std::barrier start(static_cast<std::ptrdiff_t>(streams.size()),
                       [&]() noexcept { begin = clock::now(); });
    std::vector<std::jthread> producers;
    for (const auto& mine : streams)
      producers.emplace_back([&] {
        start.arrive_and_wait();
        submit_all(*subject_, mine);
      });
    producers.clear();
    return begin;
  }

  /// Returns when so many more are handled; false if that never comes, or if it were more.
  bool drain(std::uint64_t messages) {
    finished_ += messages;
    if constexpr (requires { subject_->drain(); })
      subject_->drain();
    else if (!handler_.handled.await(finished_))
      return false;
    return handler_.handled.total() == finished_;
  }

  /// As drain(), where handlers submit more: a subject's own drain() may look at what was there when
  /// it was called.
  bool await(std::uint64_t messages) {
    finished_ += messages;
    return handler_.handled.await(finished_) && handler_.handled.total() == finished_;
  }

  /// Holds every worker that can be held; submits gates until no more come. Returns how many were
  /// submitted; they are for drain() to count.
  std::uint64_t hold_workers() {
    handler_.barrier.close();
    unsigned held = 0;
    std::uint32_t gates = 0;
    while (held < workers() && gates < gate_keys) {
      Message m{};
      m.key = load_.keys.keys + gates++;
      submit_one(key_of<Key>(m.key, load_.long_text), m);
      if (handler_.barrier.await_visitors(held + 1))
        ++held;
    }
    return gates;
  }

  void release_workers() { handler_.barrier.open(); }

  void submit_one(const Key& key, const Message& m) {
    const auto submit = [&] { subject_->submit(key, m); };
    if constexpr (requires { subject_->inside(submit); })
      subject_->inside(submit);
    else
      submit();
  }

  [[nodiscard]] const load& loaded() const { return load_; }
  [[nodiscard]] std::uint32_t keys() const { return keys_; }
  bench::handler& handle() { return handler_; }
  Subject& operator*() { return *subject_; }

private:
  load load_;
  std::uint32_t keys_;
  bench::handler handler_;
  std::uint64_t finished_ = 0;
  std::optional<Subject> subject_;
};

/// True, and said so, if the machine cannot hold the subject's keys.
inline bool too_large(benchmark::State& state, const traits& t, const load& l) {
  const auto needed = t.bytes_per_key * l.keys.keys;
  if (needed <= available_bytes() / 2)
    return false;
  state.SkipWithError(("needs about " + std::to_string(needed >> 20) +
                       " MiB for its keys, more than half of what the machine has left")
                          .c_str());
  return true;
}

} // namespace bench
