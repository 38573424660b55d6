#include "convoy/detail/base/report.hpp"

#include <cstdio>

namespace convoy::detail {

namespace {

struct wording {
  const char* who;
  const char* consequence;
};

wording words_of(thrower who) noexcept {
  switch (who) {
  case thrower::handler:
    break;
  case thrower::sink:
    return {"the sink of dead letters", "it is not offered that dead letter again"};
  case thrower::sink_asked_again:
    return {"the sink of dead letters", "it is offered that dead letter again"};
  case thrower::sink_at_the_end:
    return {"the sink of dead letters", "that dead letter is discarded: the processor ends"};
  case thrower::then:
    return {"a callback (`then`)", "it counts as called"};
  case thrower::watchdog_report:
    return {"watchdog.report", "the watchdog goes on"};
  case thrower::on_error:
    return {"on_error", "it was told of what the line before says"};
  case thrower::on_parked:
    return {"on_parked", "the key is parked all the same; set on_error to see to it"};
  case thrower::on_evict:
    return {"state.on_evict", "the state is gone all the same; set on_error to see to it"};
  case thrower::observer:
    return {"an observer", "it goes on being told"};
  case thrower::positions:
    return {"positions", "the snapshot has none"};
  case thrower::conflate:
    return {"conflate", "the message is not merged; set on_error to see to it"};
  case thrower::marker:
    return {"marker", "the message counts as not marked; set on_error to see to it"};
  }
  return {"a handler", "its message is a dead letter; set on_error or dead_letters to see to it"};
}

} // namespace

void report_to_stderr(thrower who, const std::exception_ptr& error) noexcept {
  const auto words = words_of(who);
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "convoy: %s threw: %s; %s\n", words.who, e.what(), words.consequence);
  } catch (...) {
    std::fprintf(stderr, "convoy: %s threw something that is no std::exception; %s\n", words.who,
                 words.consequence);
  }
}

} // namespace convoy::detail
