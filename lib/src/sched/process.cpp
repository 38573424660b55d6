#include "sched/process.hpp"

#include "convoy/detail/sched/scheduler.hpp"
#include "sched/alarm_clock.hpp"

#include <pthread.h>

namespace convoy::detail {

namespace {

constinit unsigned forks_so_far = 0; // written in a child of fork() by its only thread

void note_fork() noexcept {
  ++forks_so_far;
  current<pump>::value = nullptr; // of the parent's, if a handler has called fork()
  current<alarm_clock>::value = nullptr;
}

[[maybe_unused]] const bool is_told_of_forks = ::pthread_atfork(nullptr, nullptr, note_fork) == 0;

} // namespace

unsigned forks() noexcept {
  return forks_so_far;
}

} // namespace convoy::detail
