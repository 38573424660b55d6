#pragma once

// How the processor of a storm ends.

#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

namespace convoy::test {

enum class ending : std::uint8_t { while_they_submit, all_is_handled, soon, by_its_destructor };

/// `producers` have ended afterwards, and so has `p`, but not by_its_destructor: then it has no account. `resume_all` is
/// called until all is handled.
template <class Processor, class Random, class Resume>
std::optional<account> end_as(Processor& p, ending how, std::vector<std::thread>& producers,
                              Random& random, std::chrono::microseconds longest,
                              Resume resume_all) {
  using namespace std::chrono_literals;
  const auto join = [&] {
    for (auto& each : producers)
      each.join();
  };
  if (how == ending::while_they_submit) {
    std::this_thread::sleep_for(
        std::chrono::microseconds(random() % static_cast<std::uint64_t>(longest.count())));
    const auto account = p.shutdown(std::chrono::microseconds(random() % 3'000));
    join();
    return account;
  }
  join();
  while (how == ending::all_is_handled && !p.account().balanced()) {
    resume_all();
    std::this_thread::sleep_for(1ms);
  }
  if (how == ending::by_its_destructor)
    return std::nullopt;
  return how == ending::all_is_handled ? p.shutdown(1h) : p.shutdown(1ms);
}

} // namespace convoy::test
