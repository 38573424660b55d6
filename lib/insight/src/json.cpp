#include "convoy/insight/json.hpp"

#include <chrono>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace convoy {

namespace {

using json = nlohmann::ordered_json;

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

json of(const distribution& d) {
  return {{"mean", seconds(d.mean)},
          {"p50", seconds(d.p50)},
          {"p99", seconds(d.p99)},
          {"p99.9", seconds(d.p999)},
          {"max", seconds(d.max)}};
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

json of(const snapshot& s) {
  return {{"name", s.name},
          {"workers", s.workers},
          {"accepted", s.accepted},
          {"finished", s.finished},
          {"dead", s.dead},
          {"backlog", s.backlog},
          {"keys",
           {{"running", s.lanes.running},
            {"waiting", s.lanes.waiting},
            {"backoff", s.lanes.backoff},
            {"parked", s.lanes.parked},
            {"paused", s.lanes.paused},
            {"lingering", s.lanes.lingering}}},
          {"window_seconds", seconds(s.window)},
          {"age_seconds", seconds(s.age)},
          {"accepted_per_second", s.accepted_per_second},
          {"finished_per_second", s.finished_per_second},
          {"handler_seconds", of(s.handler)},
          {"latency_seconds", of(s.latency)},
          {"wait",
           {{"admission", s.wait.admission},
            {"own_key", s.wait.own_key},
            {"scheduler", s.wait.scheduler},
            {"backoff", s.wait.backoff},
            {"service", s.wait.service}}},
          {"utilisation", s.utilisation},
          {"efficiency", s.efficiency},
          {"speedup_ceiling", s.speedup_ceiling},
          {"hottest", of(s.hottest)},
          {"most", of(s.most)},
          {"costliest", of(s.costliest)}};
}

std::string text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
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

} // namespace convoy
