#include "convoy/detail/shared/failure_rules.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace convoy::detail {

namespace {

void check(const std::string& name, const failure_policy& policy) {
  if (policy.attempts == 0)
    refuse(name + ".attempts", "at least 1", "0");
  if (policy.backoff.count() < 0)
    refuse(name + ".backoff", "0 or more", to_text(policy.backoff));
  if (policy.ceiling < policy.backoff)
    refuse(name + ".ceiling", "at least the backoff of " + to_text(policy.backoff),
           to_text(policy.ceiling));
  if (!(policy.factor >= 1) || std::isinf(policy.factor))
    refuse(name + ".factor", "at least 1, and finite", std::to_string(policy.factor));
  if (policy.max_block.count() < 0)
    refuse(name + ".max_block", "0 or more", to_text(policy.max_block));
}

} // namespace

failure_policies::failure_policies(const std::optional<failure_policy>& policy,
                                   std::vector<exception_policy> exceptions)
    : of_outcomes_(policy.value_or(failure_policy{})),
      of_exceptions_(policy.value_or(failure_policy{.attempts = 1})),
      exceptions_(std::move(exceptions)) {
  check("convoy::processor: failure", of_outcomes_);
  for (std::size_t i = 0; i < exceptions_.size(); ++i) {
    const auto name = "convoy::processor: exceptions[" + std::to_string(i) + "]";
    if (exceptions_[i].matches == nullptr)
      refuse(name + ".matches", "a function (use on_exception)", "null");
    check(name + ".policy", exceptions_[i].policy);
  }
}

const failure_policy& failure_policies::policy(const std::exception_ptr& error) const noexcept {
  if (!error)
    return of_outcomes_;
  for (const auto& each : exceptions_)
    if (each.matches(error))
      return each.policy;
  return of_exceptions_;
}

std::chrono::nanoseconds failure_policies::backoff(const failure_policy& policy,
                                                   unsigned attempts) noexcept {
  if (policy.backoff.count() == 0)
    return policy.backoff; // times infinity it would be no number
  auto delay =
      std::min(static_cast<double>(policy.ceiling.count()),
               static_cast<double>(policy.backoff.count()) * std::pow(policy.factor, attempts - 1));
  if (policy.jitter)
    delay *= random();
  return time_span(std::chrono::duration<double, std::nano>(delay));
}

/// From 0 to 1: splitmix64 of a counter, so that threads need not take turns.
double failure_policies::random() noexcept {
  constexpr std::uint64_t step = 0x9E3779B97F4A7C15;
  auto z = of_outcomes_.seed +
           step * (1 + drawn_.fetch_add(1, std::memory_order_relaxed)); // only counted
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}

} // namespace convoy::detail
