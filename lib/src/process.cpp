#include "process.hpp"

#include "alarm_clock.hpp"
#include "convoy/detail/scheduler.hpp"

#include <pthread.h>

namespace convoy::detail {

namespace {

constinit unsigned count = 0; // written in a child of fork() by its only thread

void note_fork() noexcept {
  ++count;
  current<pump>::value = nullptr; // of the parent's, if a handler has called fork()
  current<alarm_clock>::value = nullptr;
}

[[maybe_unused]] const bool is_registered = ::pthread_atfork(nullptr, nullptr, note_fork) == 0;

} // namespace

unsigned forks() noexcept {
  return count;
}

} // namespace convoy::detail
