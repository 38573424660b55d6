#include "convoy/insight/json.hpp"

#include "seconds.hpp"
#include "utf8.hpp"

#include <chrono>
#include <convoy/detail/sinks/json.hpp>
#include <exception>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

namespace {

using detail::seconds;
using json = nlohmann::ordered_json;

json of(const distribution& d) {
  return {{"mean", seconds(d.mean)},
          {"p50", seconds(d.p50)},
          {"p99", seconds(d.p99)},
          {"p99.9", seconds(d.p999)},
          {"max", seconds(d.max)}};
}

json of(const running_total& t) {
  return {{"seconds", t.sum.count()}, {"messages", t.count}};
}

json of(const std::vector<key_share>& keys) {
  auto list = json::array();
  for (const auto& k : keys)
    list.push_back({{"label", k.label},
                    {"share", k.share},
                    {"low", k.low},
                    {"high", k.high},
                    {"messages_per_second", k.messages_per_second},
                    {"depth", k.depth},
                    {"handler_seconds", seconds(k.handler_time)},
                    {"waited_seconds_per_second", seconds(k.waited)},
                    {"to_drain_seconds", seconds(k.to_drain)}});
  return list;
}

json of(const std::vector<std::chrono::duration<double>>& totals) {
  auto list = json::array();
  for (const auto& total : totals)
    list.push_back(total.count());
  return list;
}

json of(const std::vector<held_key>& keys) {
  auto list = json::array();
  for (const auto& k : keys)
    list.push_back({{"label", k.label},
                    {"reason", to_string(k.why)},
                    {"depth", k.depth},
                    {"since_seconds", seconds(k.since)},
                    {"until_seconds", seconds(k.until)},
                    {"attempts", k.attempts}});
  return list;
}

json of(const std::vector<source_position>& positions) {
  auto list = json::array();
  for (const auto& p : positions)
    list.push_back({{"name", p.name},
                    {"committed", p.committed},
                    {"watermark", p.watermark},
                    {"gaps", p.gaps},
                    {"in_flight", p.in_flight},
                    {"lag", p.lag},
                    {"oldest_seconds", seconds(p.oldest)}});
  return list;
}

json of(const snapshot& s) {
  return {{"name", s.name},
          {"workers", s.workers},
          {"accepted", s.accepted},
          {"finished", s.finished},
          {"dead", s.dead},
          {"conflated", s.conflated},
          {"backlog", s.backlog},
          {"positions", of(s.positions)},
          {"keys",
           {{"running", s.lanes.running},
            {"waiting", s.lanes.waiting},
            {"backoff", s.lanes.backoff},
            {"parked", s.lanes.parked},
            {"paused", s.lanes.paused},
            {"lingering", s.lanes.lingering},
            {"suspended", s.lanes.suspended},
            {"joint", s.lanes.joint},
            {"limited", s.lanes.limited}}},
          {"oldest_seconds", seconds(s.oldest)},
          {"held", of(s.held)},
          {"window_seconds", seconds(s.window)},
          {"age_seconds", seconds(s.age)},
          {"accepted_per_second", s.accepted_per_second},
          {"finished_per_second", s.finished_per_second},
          {"handler_seconds", of(s.handler)},
          {"latency_seconds", of(s.latency)},
          {"handler_total", of(s.handler_total)},
          {"latency_total", of(s.latency_total)},
          {"wait",
           {{"admission", s.wait.admission},
            {"own_key", s.wait.own_key},
            {"scheduler", s.wait.scheduler},
            {"backoff", s.wait.backoff},
            {"service", s.wait.service}}},
          {"utilisation", s.utilisation},
          {"efficiency", s.efficiency},
          {"speedup_ceiling", s.speedup_ceiling},
          {"labels_are_hashes", s.labels_are_hashes},
          {"hottest", of(s.hottest)},
          {"hottest_total", of(s.hottest_total)},
          {"most", of(s.most)},
          {"costliest", of(s.costliest)}};
}

/// "error": null, or what it says.
json of(const std::exception_ptr& error) {
  if (!error)
    return nullptr;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

/// As a parser reads it, in ASCII.
std::string escaped(std::string_view character) {
  const auto quoted = json(character).dump(-1, ' ', true);
  return quoted.substr(1, quoted.size() - 2);
}

/// A parser gets what there was; a terminal that it is printed on gets nothing that it obeys.
std::string text(const json& value) {
  const auto whole = value.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out;
  for (std::string_view rest = whole; !rest.empty();) {
    const auto character = rest.substr(0, detail::utf8_length(rest));
    if (detail::is_control(character)) // inside a string: outside there is ASCII alone
      out += escaped(character);
    else
      out += character;
    rest.remove_prefix(character.size());
  }
  return out;
}

} // namespace

std::string to_json(std::span<const snapshot> all) {
  auto list = json::array();
  for (const auto& each : all)
    list.push_back(of(each));
  return text(list);
}

std::string to_json(const snapshot& one) {
  return text(of(one));
}

std::string to_json(const explanation& why) {
  const auto now = std::chrono::steady_clock::now();
  json is{{"state", to_string(why.state)}, {"text", to_string(why)}, {"depth", why.depth},
          {"in_ring", why.in_ring},        {"shared", why.shared},   {"since_seconds", nullptr},
          {"until_seconds", nullptr},      {"worker", nullptr},      {"attempts", why.attempts},
          {"is_full", why.is_full},        {"reason", why.reason},   {"error", of(why.error)}};
  if (why.state == key_state::joint) {
    is["other"] = why.other;
    is["other_state"] = to_string(why.other_state);
  }
  if (why.since)
    is["since_seconds"] = seconds(now - *why.since);
  if (why.until)
    is["until_seconds"] = seconds(*why.until - now);
  if (why.worker)
    is["worker"] = *why.worker;
  return text(is);
}

} // namespace convoy
