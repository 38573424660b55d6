#include "convoy/runtime.hpp"

#include "convoy/detail/insight/insight.hpp"
#include "platform/sanitizers.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>

namespace convoy {

namespace {

unsigned checked(unsigned concurrency) {
  constexpr unsigned most = 4095; // what the scheduler's idle word can count
  if (concurrency > most)
    throw std::invalid_argument("convoy::runtime: concurrency must be at most 4095, and is " +
                                std::to_string(concurrency));
  return concurrency != 0 ? concurrency : std::clamp(std::thread::hardware_concurrency(), 1u, most);
}

} // namespace

#ifdef CONVOY_INSTRUMENTED // how the workers get the scheduler is seen
runtime::runtime(const options& wanted) : scheduler_(checked(wanted.concurrency)) {}
#else // a temporary lives until the member is made
runtime::runtime(const options& wanted)
    : scheduler_((detail::no_write(), checked(wanted.concurrency))) {}
#endif

std::vector<snapshot> runtime::snapshot() const {
  std::vector<convoy::snapshot> all;
  scheduler_.each_insight([&](const detail::insight_base& each) { all.push_back(each.take()); });
  return all;
}

} // namespace convoy
