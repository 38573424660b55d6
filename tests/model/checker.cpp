#include "checker.hpp"

#include "run.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>

namespace model {

namespace {

std::uint64_t last_run = 0; // numbers never come again, so that locations know whose they are

std::uint64_t seed_of_search() {
  const char* const given = std::getenv("CONVOY_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10)
                          : std::uint64_t{std::random_device{}()};
}

const char* name_of(std::memory_order order) {
  switch (order) {
  case std::memory_order_relaxed:
    return "relaxed";
  case std::memory_order_release:
    return "release";
  case std::memory_order_seq_cst:
    return "seq_cst";
  case std::memory_order_acq_rel:
    return "acq_rel";
  default:
    return "acquire";
  }
}

void trace(run& r, const char* what, std::uint32_t at, std::uint64_t value, std::memory_order order,
           const char* note = "") {
  if (r.traced())
    r.trace(std::string(what) + " of atomic " + std::to_string(at) + ", " + name_of(order) + ": " +
            std::to_string(value) + note);
}

/// One of those that are left to the calling thread, the newest first.
template <class May>
std::size_t choose_store(run& r, std::uint32_t at, May&& may) {
  std::vector<std::size_t> left;
  const auto oldest = r.memory.oldest(at, r.self());
  for (auto i = r.memory.newest(at) + 1; i-- != oldest;)
    if (may(i))
      left.push_back(i);
  return left[r.choose(left.size())];
}

} // namespace

result explore(const options& how, const std::function<void()>& scenario) {
  // Else reference counts are no atomics (std::shared_ptr's), and two fibers that share one a data race.
  [[maybe_unused]] static const bool knows_of_threads = (std::thread([] {}).join(), true);
  result all;
  choices open(how);
  const auto seed = how.random_runs != 0 ? seed_of_search() : 0;
  const auto most = how.random_runs != 0 ? how.random_runs : how.most_runs;
  for (;;) {
    open.begin(seed + all.runs);
    const auto go = [&](bool traced) {
      run now(how, open, ++last_run, traced);
      auto failure = now.go(scenario);
      all.outcomes.merge(now.outcomes);
      return failure;
    };
    ++all.runs;
    if (const auto failure = go(false); !failure.empty()) {
      open.repeat();
      all.failure = go(true);
      if (all.failure.empty())
        all.failure = failure + ", and not when it was repeated";
      if (how.random_runs != 0)
        all.failure += "\nrepeat with CONVOY_SEED=" + std::to_string(seed + all.runs - 1);
      all.complete = false;
      return all;
    }
    if (how.random_runs == 0 && !open.next())
      return all;
    if (all.runs >= most)
      break;
  }
  all.complete = how.random_runs != 0;
  return all;
}

std::uint64_t effort() {
  const char* const given = std::getenv("CONVOY_STRESS");
  return given != nullptr ? std::max<std::uint64_t>(std::strtoull(given, nullptr, 10), 1) : 1;
}

void check(bool holds, const char* what) {
  if (!holds)
    run::current->fail(what);
}

void outcome(int value) {
  const inside_checker in;
  run::current->outcomes.insert(value);
}

std::size_t choose(std::size_t count) {
  const inside_checker in;
  return run::current->choose(count, choices::kind::next);
}

void jump(std::chrono::nanoseconds by) {
  run::current->now += by;
}

// ---- atomics ----

void location::make() const {
  if (auto* const r = run::current; run::in_scenario()) {
    run_ = r->number;
    index_ = unused;
    made_by_ = static_cast<std::uint32_t>(r->self());
    made_at_ = r->memory.step(r->self());
  }
}

std::uint32_t location::known() const {
  auto& r = *run::current;
  if (run_ != r.number) { // it was there before the run
    run_ = r.number;
    index_ = unused;
    made_by_ = made_at_ = 0;
  }
  if (index_ == unused)
    index_ = r.memory.make(made_by_, made_at_, value_);
  if (!r.memory.is_made(index_, r.self()))
    r.fail("data race: an atomic is used, and nothing says that it has been constructed");
  use_atomic(r, this);
  return index_;
}

std::uint64_t location::load(std::memory_order order) const {
  auto* const r = run::current;
  if (r == nullptr)
    return value_;
  const inside_checker in;
  r->step();
  const auto at = known();
  const auto newest = r->memory.newest(at);
  const auto i = choose_store(
      *r, at, [&](std::size_t each) { return r->memory.may_read(at, r->self(), each, order); });
  const auto value = r->memory.read(at, r->self(), i, order);
  trace(*r, "load", at, value, order, i == newest ? "" : " (stale)");
  return value;
}

void location::store(std::uint64_t value, std::memory_order order) {
  auto* const r = run::current;
  if (r == nullptr) {
    value_ = value;
    return;
  }
  const inside_checker in;
  r->step();
  const auto at = known();
  const auto newest = r->memory.newest(at);
  const auto i = choose_store(
      *r, at, [&](std::size_t each) { return r->memory.may_follow(at, r->self(), each, order); });
  r->memory.write(at, r->self(), i, value, order);
  trace(*r, "store", at, value, order, i == newest ? "" : " (before others)");
}

location::modified location::begin_modify(std::memory_order order) const {
  auto* const r = run::current;
  if (r == nullptr)
    return {value_, 0};
  const inside_checker in;
  r->step();
  const auto at = known();
  const auto i = choose_store(
      *r, at, [&](std::size_t each) { return r->memory.may_follow(at, r->self(), each, order); });
  return {r->memory.value(at, i), i};
}

void location::end_modify(modified what, std::uint64_t value, std::memory_order order) {
  auto* const r = run::current;
  if (r == nullptr) {
    value_ = value;
    return;
  }
  const inside_checker in;
  r->memory.modify(index_, r->self(), what.store, value, order);
  trace(*r, "modification", index_, value, order);
}

bool location::compare_exchange(std::uint64_t& expected, std::uint64_t wanted, bool weak,
                                std::memory_order success, std::memory_order failure) {
  auto* const r = run::current;
  if (r == nullptr) {
    if (value_ != expected) {
      expected = value_;
      return false;
    }
    value_ = wanted;
    return true;
  }
  const inside_checker in;
  r->step();
  const auto at = known();
  auto& memory = r->memory;
  struct way {
    std::size_t i;
    bool succeeds;
  };
  std::vector<way> ways;
  const auto oldest = memory.oldest(at, r->self());
  for (auto i = memory.newest(at) + 1; i-- != oldest;) {
    if (memory.value(at, i) == expected) {
      if (memory.may_follow(at, r->self(), i, success))
        ways.push_back({i, true});
    } else if (memory.may_read(at, r->self(), i, failure)) {
      ways.push_back({i, false});
    }
  }
  if (weak && !r->failed_weakly && ways.front().succeeds)
    ways.push_back({ways.front().i, false});
  const auto chosen = ways[r->choose(ways.size())];
  if (!chosen.succeeds) {
    r->failed_weakly |= memory.value(at, chosen.i) == expected;
    expected = memory.read(at, r->self(), chosen.i, failure);
    trace(*r, "failed swap", at, expected, failure);
    return false;
  }
  memory.modify(at, r->self(), chosen.i, wanted, success);
  trace(*r, "swap", at, wanted, success);
  return true;
}

void fence(std::memory_order order) {
  if (auto* const r = run::current) {
    const inside_checker in;
    r->step();
    r->memory.fence(r->self(), order);
    if (r->traced())
      r->trace(std::string("fence, ") + name_of(order));
  }
}

void fence_light() {
  if (auto* const r = run::current) { // no step: it is not an instruction
    const inside_checker in;
    r->memory.fence_light(r->self());
  }
}

void fence_heavy() {
  if (auto* const r = run::current) {
    const inside_checker in;
    r->step();
    r->memory.fence_heavy(r->self());
    if (r->traced())
      r->trace("heavy fence");
  }
}

} // namespace model
