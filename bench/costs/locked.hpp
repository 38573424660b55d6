#pragma once

// Atomic read-modify-writes of a submit, counted: the program starts itself again, and the copy runs
// its submits one instruction at a time under ptrace. x86-64 Linux only.

#include "harness/run.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace bench {

inline constexpr std::uint64_t traced_messages = 128;

/// Marks, in the copy, where the parent begins and ends to count.
void trace_mark();

/// In the copy: runs the case and does not return. Else returns.
void run_traced(int argc, char** argv);

/// Every worker is held meanwhile, so that nobody has to be woken: the cost of submitting to a
/// subject that is busy. The key has messages waiting before.
template <class Subject, class Message>
void submit_traced() {
  running<Subject, std::uint64_t, Message> run({.keys = one_key});
  run.hold_workers();
  const auto all =
      make_streams<std::uint64_t, Message>({.keys = one_key, .messages = traced_messages}).front();
  if constexpr (requires { (*run).submit_bulk(all); }) {
    (*run).submit_bulk(all);
    trace_mark();
    (*run).submit_bulk(all);
    trace_mark();
  } else {
    produce(*run, [&](auto& to) {
      for (const auto& [key, m] : all)
        to.submit(key, m);
      trace_mark();
      for (const auto& [key, m] : all)
        to.submit(key, m);
      trace_mark();
    });
  }
}

/// Registers `rmw/<subject>/one_key`.
void add_locked(const std::string& subject, std::function<void()> run);

template <template <class, class> class Subject>
void add_locked(const traits& t) {
  add_locked(t.name, submit_traced<Subject<std::uint64_t, message<16>>, message<16>>);
}

} // namespace bench
