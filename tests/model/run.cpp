#include "run.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cxxabi.h>
#include <dlfcn.h>
#include <exception>
#include <execinfo.h>
#include <utility>
#include <vector>

namespace model {

namespace {

constexpr const char* not_the_same = "the scenario does not do the same each time";

} // namespace

std::uint32_t choices::choose(std::size_t count, kind what) {
  if (count == 1)
    return 0;
  if (at_ < taken_.size()) {
    const auto [chosen, out_of] = taken_[at_++];
    if (out_of != count)
      run::current->fail(not_the_same);
    return chosen;
  }
  std::uint32_t chosen = 0;
  if (random_ && !repeats_ && what == kind::next)
    chosen = static_cast<std::uint32_t>(generator_() % count);
  else if (random_ && !repeats_ &&
           std::bernoulli_distribution(what == kind::preemption ? rate_ : stale_rate_)(generator_))
    chosen = 1 + static_cast<std::uint32_t>(generator_() % (count - 1));
  taken_.emplace_back(chosen, count);
  ++at_;
  return chosen;
}

run* run::current = nullptr;

run::run(const options& how, choices& open, std::uint64_t its_number, bool traced)
    : number(its_number), how_(how), open_(open), traced_(traced) {
  begin_run_of_memory();
  current = this;
  if (how.random_runs != 0)
    memory.most_stale_reads = 8;
}

run::~run() {
  for (auto& each : fibers_)
    give_back(each->stack);
  current = nullptr;
}

namespace {

/// What `throw;` throws again, and more: two words of the real thread, of which each fiber has its own.
std::array<std::uintptr_t, 2>& handled_exceptions() {
  return *reinterpret_cast<std::array<std::uintptr_t, 2>*>(abi::__cxa_get_globals());
}

/// A thread's own failure, too. With default actions outside of scenarios, so that it ends the process there.
void catch_crashes() {
  static const auto* const stack = [] {
    static char memory[64 * 1024];
    const stack_t own{.ss_sp = memory, .ss_flags = 0, .ss_size = sizeof memory};
    sigaltstack(&own, nullptr);
    return memory;
  }();
  (void)stack;
  struct sigaction action {};
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  action.sa_handler = [](int signal) {
    if (run::in_scenario())
      run::current->fail("a crash: memory is accessed that there is not");
    std::signal(signal, SIG_DFL);
  };
  for (const int each : {SIGSEGV, SIGBUS})
    sigaction(each, &action, nullptr);
}

} // namespace

std::string run::go(const std::function<void()>& scenario) {
  catch_crashes();
  (void)add(scenario);
  memory.step(0);
  inside_checker::depth = 0;
  const auto exceptions = std::exchange(handled_exceptions(), {});
  swapcontext(&outside_, &fibers_[0]->context);
  handled_exceptions() = exceptions;
  inside_checker::depth = 1;
  if (failure_.empty())
    return failure_;
  constexpr std::size_t most = 150;
  std::string told = failure_;
  for (auto i = events_.size() > most ? events_.size() - most : 0; i < events_.size(); ++i)
    told += "\n  " + events_[i];
  return told;
}

void run::enter(unsigned low, unsigned high) {
  auto* const self = reinterpret_cast<run*>(std::uintptr_t{low} | std::uintptr_t{high} << 32);
  try {
    self->fibers_[self->self_]->body();
  } catch (const std::exception& e) {
    self->fail(std::string("an exception left a thread: ") + e.what());
  } catch (...) {
    self->fail("an exception left a thread");
  }
  const inside_checker in;
  auto& me = *self->fibers_[self->self_];
  me.is = fiber::state::over;
  self->known_at[&me] = self->memory.release(self->self_);
  self->wake_those_waiting_for(&me);
  const auto is_over = [](const auto& each) { return each->is == fiber::state::over; };
  if (std::ranges::all_of(self->fibers_, is_over) && !self->open_.are_all_taken())
    self->fail(not_the_same);
  if (std::ranges::all_of(self->fibers_, is_over))
    setcontext(&self->outside_);
  self->switch_to(self->pick());
}

unsigned run::add(std::function<void()> body) {
  if (fibers_.size() == most_threads)
    fail("more threads than memory.hpp provides for");
  auto made = std::make_unique<fiber>();
  made->body = std::move(body);
  made->stack = take_stack();
  getcontext(&made->context);
  made->context.uc_stack.ss_sp = made->stack.begin;
  made->context.uc_stack.ss_size = static_cast<std::size_t>(made->stack.end - made->stack.begin);
  made->context.uc_link = nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&made->context, reinterpret_cast<void (*)()>(&run::enter), 2,
              static_cast<unsigned>(address), static_cast<unsigned>(address >> 32));
  fibers_.push_back(std::move(made));
  return static_cast<unsigned>(fibers_.size() - 1);
}

void run::fail(const std::string& what) {
  const inside_checker in;
  failure_ = what + " (thread " + std::to_string(self_) + ", run " + std::to_string(number) + ")";
  if (traced_)
    trace_stacks();
  setcontext(&outside_); // for good: the fibers are left as they are
  std::abort();
}

void run::trace(const std::string& what) {
  events_.push_back("thread " + std::to_string(self_) + ": " + what);
}

void run::trace_stacks() {
  for (std::size_t i = 0; i < fibers_.size(); ++i) {
    std::string told = "is in";
    for (void* const address : fibers_[i]->waits_in) {
      Dl_info info{};
      if (dladdr(address, &info) == 0 || info.dli_sname == nullptr)
        continue;
      int status = 0;
      char* const name = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
      const std::string whole = name != nullptr ? name : info.dli_sname;
      std::free(name);
      if (whole.find("convoy") == 0 || whole.find("void convoy") == 0 ||
          whole.find("bool convoy") == 0)
        told += " < " + whole.substr(0, whole.find('('));
    }
    self_ = i;
    trace(told);
  }
}

void run::switch_to(std::size_t next) {
  if (next == self_)
    return;
  auto& from = *fibers_[self_];
  if (traced_) {
    from.waits_in.resize(24);
    from.waits_in.resize(static_cast<std::size_t>(backtrace(from.waits_in.data(), 24)));
  }
  self_ = next;
  const auto depth = inside_checker::depth;
  inside_checker::depth = 0; // a new fiber begins in the scenario's code
  from.exceptions = std::exchange(handled_exceptions(), fibers_[next]->exceptions);
  swapcontext(&from.context, &fibers_[next]->context);
  inside_checker::depth = depth;
}

std::size_t run::pick() {
  for (auto& each : fibers_)
    if (each->waits_until(now))
      time_out(*each);
  const bool self_is_ready = fibers_[self_]->is == fiber::state::ready;
  const bool may_preempt = how_.random_runs != 0 || preemptions_ < how_.preemptions;
  std::vector<std::size_t> ready, waiting;
  if (self_is_ready)
    ready.push_back(self_);
  for (std::size_t i = 0; i < fibers_.size(); ++i) {
    if (fibers_[i]->is == fiber::state::ready && i != self_ && (!self_is_ready || may_preempt))
      ready.push_back(i);
    else if (may_preempt && may_wake(*fibers_[i]))
      waiting.push_back(i);
  }
  if (ready.empty()) {
    if (!let_time_pass() && !let_rest_end())
      fail("deadlock: everybody waits");
    return pick();
  }
  const auto wakes = open_.choose(1 + waiting.size(), choices::kind::preemption);
  if (wakes != 0)
    wake_early(*fibers_[waiting[wakes - 1]]);
  const auto chosen =
      wakes != 0 ? waiting[wakes - 1]
                 : ready[open_.choose(ready.size(), self_is_ready ? choices::kind::preemption
                                                                  : choices::kind::next)];
  if (wakes != 0 || (self_is_ready && chosen != self_))
    ++preemptions_;
  return chosen;
}

/// Though others could go on: its time is over, or a condition's waiter wakes without reason.
bool run::may_wake(const fiber& which) const {
  return (which.until != never && which.waits_until(never)) ||
         (which.is == fiber::state::waiting && !woke_without_reason_);
}
void run::wake_early(fiber& which) {
  if (which.until == never) {
    woke_without_reason_ = true;
    which.is = fiber::state::ready;
  } else {
    now = std::max(now, which.until);
    time_out(which);
  }
}

/// Until the next one of those who wait for a time wakes.
bool run::let_time_pass() {
  fiber* first = nullptr;
  for (auto& each : fibers_)
    if (each->until != never && each->waits_until(never) &&
        (first == nullptr || each->until < first->until))
      first = each.get();
  if (first == nullptr)
    return false;
  now = std::max(now, first->until);
  time_out(*first);
  return true;
}

bool run::let_rest_end() {
  std::vector<fiber*> resting;
  for (auto& each : fibers_)
    if (each->is == fiber::state::resting)
      resting.push_back(each.get());
  if (resting.empty())
    return false;
  resting[open_.choose(resting.size(), choices::kind::next)]->is = fiber::state::ready;
  return true;
}

void run::time_out(fiber& of) {
  of.is = fiber::state::ready;
  of.timed_out = true;
}

void run::count_step() {
  if (++steps_ > how_.most_steps)
    fail("livelock: the run does not end");
}

void run::step() {
  count_step();
  if (fibers_.size() > 1)
    switch_to(pick());
}

bool run::block(fiber::state how, const void* what, std::chrono::nanoseconds until) {
  count_step();
  auto& me = *fibers_[self_];
  me.is = how;
  me.waits_for = what;
  me.until = until == never || until - now > how_.longest_wait ? never : until;
  me.timed_out = false;
  switch_to(pick());
  return !me.timed_out;
}

void run::wake_those_waiting_for(const void* what, bool all) {
  std::vector<fiber*> waiting;
  for (auto& each : fibers_)
    if (each->waits_for == what && each->waits_until(never))
      waiting.push_back(each.get());
  if (!all && !waiting.empty())
    waiting = {waiting[open_.choose(waiting.size(), choices::kind::next)]};
  for (auto* const each : waiting) {
    each->is = fiber::state::ready;
    each->waits_for = nullptr;
  }
}

} // namespace model
