#include "top/snapshots.hpp"

#include "text/format.hpp"
#include "text/input_error.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace convoy::tool {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t longest_name = 256; // bytes; a label has 40

/// Destroying, copying and printing a value recurse: a stranger could have our stack overflow.
constexpr int most_depth = 64;

json parsed(const std::string& text) try {
  return json::parse(text, [](int depth, json::parse_event_t, const json&) {
    if (depth > most_depth)
      throw input_error{"the answer is nested too deeply"};
    return true;
  });
} catch (const json::exception&) {
  throw input_error{"the answer is no JSON"};
}

json parsed_list(const std::string& text) {
  json all = parsed(text);
  if (!all.is_array())
    throw input_error{"the answer is no list of snapshots"};
  return all;
}

/// The members of an object: what is not there, or of another kind, is nothing.
class members {
public:
  explicit members(const json& of) : of_{of} {}

  [[nodiscard]] double number(const char* name) const {
    const json* found = find(name);
    return found != nullptr && found->is_number() ? found->get<double>() : 0;
  }
  [[nodiscard]] double share(const char* name) const { return std::clamp(number(name), 0.0, 1.0); }
  [[nodiscard]] std::uint64_t count(const char* name) const {
    const json* found = find(name);
    return found != nullptr && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  }
  [[nodiscard]] std::chrono::nanoseconds time(const char* name) const {
    constexpr double most = 9e18;
    return std::chrono::nanoseconds{
        static_cast<std::int64_t>(std::clamp(number(name) * 1e9, -most, most))};
  }
  [[nodiscard]] std::string text(const char* name) const {
    const json* found = find(name);
    return found != nullptr && found->is_string()
               ? found->get_ref<const std::string&>().substr(0, longest_name)
               : std::string{};
  }
  [[nodiscard]] members object(const char* name) const {
    static const json nothing = json::object();
    const json* found = find(name);
    return members{found != nullptr ? *found : nothing};
  }
  [[nodiscard]] const json& list(const char* name) const {
    static const json nothing = json::array();
    const json* found = find(name);
    return found != nullptr && found->is_array() ? *found : nothing;
  }
  [[nodiscard]] const json* find(const char* name) const {
    if (!of_.is_object())
      return nullptr;
    const auto found = of_.find(name);
    return found == of_.end() ? nullptr : &*found;
  }

private:
  const json& of_;
};

distribution times_of(const members& from) {
  return {.mean = from.time("mean"),
          .p50 = from.time("p50"),
          .p99 = from.time("p99"),
          .p999 = from.time("p99.9"),
          .max = from.time("max")};
}

std::vector<key_share> keys_of(const json& list) {
  std::vector<key_share> keys;
  for (const json& each : list) {
    const members from{each};
    keys.push_back({.label = from.text("label"),
                    .share = from.share("share"),
                    .low = from.share("low"),
                    .high = from.share("high"),
                    .messages_per_second = from.number("messages_per_second"),
                    .depth = from.count("depth"),
                    .handler_time = from.time("handler_seconds"),
                    .waited = from.time("waited_seconds_per_second"),
                    .to_drain = from.time("to_drain_seconds")});
  }
  return keys;
}

hold_reason reason_of(const std::string& name) {
  using enum hold_reason;
  for (const auto each : {retry, parked, paused, lingering, fail_rest})
    if (name == to_string(each))
      return each;
  return paused;
}

std::vector<held_key> held_of(const json& list) {
  std::vector<held_key> keys;
  for (const json& each : list) {
    const members from{each};
    keys.push_back({.label = from.text("label"),
                    .why = reason_of(from.text("reason")),
                    .depth = from.count("depth"),
                    .since = from.time("since_seconds"),
                    .until = from.time("until_seconds"),
                    .attempts = static_cast<unsigned>(
                        std::min<std::uint64_t>(from.count("attempts"), UINT32_MAX))});
  }
  return keys;
}

std::vector<source_position> positions_of(const json& list) {
  std::vector<source_position> positions;
  for (const json& each : list) {
    const members from{each};
    positions.push_back({.name = from.text("name"),
                         .committed = from.count("committed"),
                         .watermark = from.count("watermark"),
                         .gaps = from.count("gaps"),
                         .in_flight = from.count("in_flight"),
                         .lag = from.count("lag"),
                         .oldest = from.time("oldest_seconds")});
  }
  return positions;
}

snapshot snapshot_of(const members& from) {
  snapshot s;
  s.name = from.text("name");
  s.workers = static_cast<unsigned>(std::min<std::uint64_t>(from.count("workers"), UINT32_MAX));
  s.accepted = from.count("accepted");
  s.finished = from.count("finished");
  s.dead = from.count("dead");
  s.conflated = from.count("conflated");
  s.backlog = from.count("backlog");
  s.positions = positions_of(from.list("positions"));
  s.oldest = from.time("oldest_seconds");
  s.held = held_of(from.list("held"));
  const members keys = from.object("keys");
  s.lanes = {.running = keys.count("running"),
             .waiting = keys.count("waiting"),
             .backoff = keys.count("backoff"),
             .parked = keys.count("parked"),
             .paused = keys.count("paused"),
             .lingering = keys.count("lingering"),
             .suspended = keys.count("suspended"),
             .joint = keys.count("joint"),
             .limited = keys.count("limited")};
  s.window = from.time("window_seconds");
  s.age = from.time("age_seconds");
  s.accepted_per_second = from.number("accepted_per_second");
  s.finished_per_second = from.number("finished_per_second");
  s.handler = times_of(from.object("handler_seconds"));
  s.latency = times_of(from.object("latency_seconds"));
  const members wait = from.object("wait");
  s.wait = {.admission = wait.share("admission"),
            .own_key = wait.share("own_key"),
            .scheduler = wait.share("scheduler"),
            .backoff = wait.share("backoff"),
            .service = wait.share("service")};
  s.utilisation = from.share("utilisation");
  s.efficiency = from.share("efficiency");
  s.speedup_ceiling = from.number("speedup_ceiling");
  s.hottest = keys_of(from.list("hottest"));
  s.most = keys_of(from.list("most"));
  s.costliest = keys_of(from.list("costliest"));
  return s;
}

} // namespace

std::vector<snapshot> parse_snapshots(const std::string& text) {
  std::vector<snapshot> processors;
  const json all = parsed_list(text);
  for (const json& each : all)
    processors.push_back(snapshot_of(members{each}));
  return processors;
}

answer_to_why parse_why(const std::string& text) {
  const json all = parsed(text);
  const members from{all};
  if (from.find("state") == nullptr)
    throw input_error{"the answer is no explanation"};
  answer_to_why why{.state = from.text("state"), .sentence = from.text("text"), .facts = {}};
  const auto tell = [&](const char* name, const char* words, auto&& value) {
    const json* found = from.find(name);
    if (found != nullptr && !found->is_null())
      why.facts.emplace_back(words, value(name));
  };
  const auto count = [&](const char* name) { return count_text(from.count(name)); };
  const auto span = [&](const char* name) { return duration_text(from.number(name) * 1e6); };
  tell("depth", "messages in its lane", count);
  tell("in_ring", "not yet looked at, of its ring", count);
  tell("since_seconds", "for", span);
  tell("until_seconds", "goes on in", span);
  tell("worker", "worker", count);
  tell("other", "waits for its turn in", [&](const char* name) { return from.text(name); });
  tell("other_state", "which is", [&](const char* name) { return from.text(name); });
  tell("attempts", "failed attempts of its first message", count);
  tell("error", "last error", [&](const char* name) { return from.text(name); });
  return why;
}

std::string plain_json(const std::string& text) {
  return parsed_list(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

} // namespace convoy::tool
