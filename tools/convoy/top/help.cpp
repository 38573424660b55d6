#include "top/help.hpp"

#include "text/cells.hpp"

#include <initializer_list>
#include <utility>

namespace convoy::tool {
namespace {

std::vector<screen_line> make_help() {
  std::vector<screen_line> lines;
  for (const auto& [key, words] : std::initializer_list<std::pair<const char*, const char*>>{
           {"up, down", "select a key, or scroll; PgUp, PgDn, Home and End too"},
           {"Enter", "why does the selected key not move? asked again each time"},
           {"s", "all sources, which are partitions or a stream that is read"},
           {"Esc", "back to the keys"},
           {"Tab", "the next processor"},
           {"t m c", "order by service time, messages, cost: time that others of it waited"},
           {"p", "freeze, and go on"},
           {"q", "quit"},
           {"", ""},
           {"WHEN", "BACKLOG and sources are of now; OLDEST, STATE, STILL and DEPTH of the"},
           {"", "end of the last window, whose length the title tells; the rest is of"},
           {"", "that window"},
           {"", ""},
           {"IN/s OUT/s", "messages a second: accepted; handled, or made dead letters"},
           {"BACKLOG", "messages that are accepted and not finished"},
           {"OLDEST", "how long the oldest of these has waited; of a source, of its records"},
           {"EFF", "efficiency: how near it is to what order and the workers allow"},
           {"UTIL", "utilisation: share of the workers' time that handlers ran"},
           {"CEILING", "no number of workers is faster than one by more: the hottest key"},
           {"P99", "99 of 100 latencies were shorter: from submit to the handler's end"},
           {"WAIT", "where the time of messages went"},
           {"", "  admission: submit slept, as there was no room"},
           {"", "  own key: others of the key went first, which is the convoy"},
           {"", "  scheduler: no worker was free"},
           {"", "  backoff: held for a retry, by park, pause or linger"},
           {"", "  service: its handler ran"},
           {"STATE", "keys with messages"},
           {"", "  running: a handler; waiting: for a worker; backoff: for a retry"},
           {"", "  parked, paused: until resume(). Not shown where none is:"},
           {"", "  lingering: for a whole batch; limited: at key_capacity, or the rate"},
           {"", "  suspended: its handler is a coroutine, and awaits something"},
           {"", "  joint: its joint message waits for its turn in another key"},
           {"STILL", "keys that have stood still longest, and why"},
           {"TIME", "p50 is the median; dead letters are counted from the start"},
           {"", ""},
           {"LAG", "of a source: from what is finished to its end"},
           {"IN FLIGHT", "records that are read and not finished"},
           {"GAPS", "ranges that are finished above one that is not"},
           {"COMMITTED", "after a crash it is read from here"},
           {"", ""},
           {"SHARE", "of all keys' service time, messages or cost, as they are ordered"},
           {"BOUNDS", "the share lies between, in 94 of 100 windows or more"},
           {"FULL: 10 %", "heads the bars: one is full at so much. It is solid up to the lower"},
           {"", "bound and shaded up to the upper one"},
           {"MSG/s", "messages of the key that were handled, a second"},
           {"DEPTH", "messages of it that wait"},
           {"HANDLER", "the mean time of its handlers"},
           {"DRAIN", "its depth takes so long, one at a time"},
           {"WAIT/s", "how long its messages waited for each other, a second"}})
    lines.push_back({{left_text(key, 10), look::head}, {std::string{" "} + words}});
  return lines;
}

} // namespace

const std::vector<screen_line>& help_lines() {
  static const std::vector<screen_line> lines = make_help();
  return lines;
}

} // namespace convoy::tool
