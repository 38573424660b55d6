#include "convoy/explanation.hpp"

#include "convoy/detail/base/atomic.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>

namespace convoy {

const char* to_string(key_state state) noexcept {
  switch (state) {
  case key_state::idle:
    return "idle";
  case key_state::in_ring:
    return "in_ring";
  case key_state::ready:
    return "ready";
  case key_state::running:
    return "running";
  case key_state::retry:
    return "retry";
  case key_state::parked:
    return "parked";
  case key_state::paused:
    return "paused";
  case key_state::lingering:
    return "lingering";
  case key_state::fail_rest:
    return "fail_rest";
  case key_state::no_worker:
    return "no_worker";
  case key_state::limited:
    return "limited";
  case key_state::full:
    return "full";
  case key_state::suspended:
    return "suspended";
  case key_state::no_place:
    return "no_place";
  case key_state::joint:
    return "joint";
  }
  return "?";
}

namespace {

std::string words_of(const explanation& why) {
  switch (why.state) {
  case key_state::idle:
    return "nothing of it is unfinished";
  case key_state::in_ring:
    return "it has no lane, and " + std::to_string(why.in_ring) +
           " messages of its ring, its own or other keys', were not looked at yet";
  case key_state::ready:
    return "it waits for a worker, or one runs it";
  case key_state::running:
    return why.worker ? "worker " + std::to_string(*why.worker) + " runs its handler"
                      : "a worker runs its handler";
  case key_state::retry:
    return "its first message is tried again";
  case key_state::parked:
    return "it is parked, until resume()";
  case key_state::paused:
    return "it is paused, until resume()";
  case key_state::lingering:
    return "it waits for a whole batch";
  case key_state::fail_rest:
    return "what was accepted becomes dead letters";
  case key_state::no_worker:
    return "all workers are held up";
  case key_state::limited:
    return "its rate is used up: it may submit again";
  case key_state::full:
    return "nothing of it is unfinished, but the processor is full of others' messages";
  case key_state::suspended:
    return "its handler waits for something, without a worker";
  case key_state::no_place:
    return "as many handlers as may be have begun and not ended: its own waits for one of them";
  case key_state::joint:
    return "it is the turn of a joint message, which waits for other keys, runs, or has stopped";
  }
  return "?";
}

/// In the largest unit of which there are two.
std::string rough(std::chrono::nanoseconds time) {
  using namespace std::chrono;
  time = std::max(time, nanoseconds(0));
  if (time >= hours(2))
    return std::to_string(duration_cast<hours>(time).count()) + " h";
  if (time >= minutes(2))
    return std::to_string(duration_cast<minutes>(time).count()) + " min";
  if (time >= seconds(2))
    return std::to_string(duration_cast<seconds>(time).count()) + " s";
  if (time >= milliseconds(2))
    return std::to_string(duration_cast<milliseconds>(time).count()) + " ms";
  return std::to_string(duration_cast<microseconds>(time).count()) + " us";
}

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

} // namespace

std::string to_string(const explanation& why) {
  const auto now = detail::clock::now();
  auto text = words_of(why);
  if (why.until)
    text += " in " + rough(*why.until - now);
  if (why.attempts != 0)
    text += ", after " + std::to_string(why.attempts) +
            (why.attempts == 1 ? " attempt" : " attempts") +
            (why.since ? ", the first " + rough(now - *why.since) + " ago" : "");
  else if (why.since)
    text += ", for " + rough(now - *why.since);
  if (!why.reason.empty())
    text += " (" + why.reason + ")";
  if (why.error)
    text += " (" + text_of(why.error) + ")";
  if (why.depth != 0)
    text += "; " + std::to_string(why.depth) + (why.depth == 1 ? " message" : " messages") +
            " in its lane";
  if (why.shared != 0)
    text += ", " + std::to_string(why.shared) + " of them shared and on the way";
  if (why.is_full)
    text += ", as many as a key may have";
  return text;
}

} // namespace convoy
