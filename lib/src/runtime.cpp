#include "convoy/runtime.hpp"

#include "sanitizers.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace convoy {

namespace {

unsigned checked(unsigned concurrency) {
  constexpr unsigned most = 4095; // what the scheduler's idle word can count
  if (concurrency > most)
    throw std::invalid_argument("convoy::runtime: a concurrency above 4095 is not supported");
  return concurrency != 0 ? concurrency : std::clamp(std::thread::hardware_concurrency(), 1u, most);
}

} // namespace

#ifdef CONVOY_INSTRUMENTED // how the workers get the scheduler is seen
runtime::runtime(const options& wanted) : scheduler_(checked(wanted.concurrency)) {}
#else // a temporary lives until the member is made
runtime::runtime(const options& wanted)
    : scheduler_((detail::no_write(), checked(wanted.concurrency))) {}
#endif

} // namespace convoy
