// Writes what the Python tests of this folder read: `samples DIRECTORY`.
//   trace.pftrace, trace.json    recordings, as a trace and as they are
//   metrics.om, metrics.prom     metrics in both formats, and metrics.json: names and labels

#include <algorithm>
#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/insight/metrics.hpp>
#include <convoy/insight/trace.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using convoy::recording;

std::vector<std::string> hostile_texts() {
  return {"",
          "plain",
          "quo\"te \\ back",
          "line\nfeed\r\ttab",
          std::string("nul\0byte", 8),
          "\x1b[31mred\x1b]0;title\x07",
          "<script>alert(1)</script>&amp;'",
          "bad \xff\xc3 \xed\xa0\x80 \xf8",
          "c1 \xc2\x9b"
          "31m del \x7f",
          "{processor=\"x\"} 1 # {a=\"b\"} 2",
          "\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\x9a",
          std::string(1 << 20, 'x'),
          std::string(199, 'y') + "\xe2\x82\xac",
          std::string(199, 'z') + "\xe2\x82\xac\xe2\x82\xac"};
}

/// Workers and keys that fail now and then, at random.
recording some_runs() {
  recording r;
  r.name = "orders";
  r.workers = 4; // one of them has nothing to do
  r.begin += 123s;
  r.joined = 1us;
  for (int i = 0; i < 10; ++i)
    r.labels.push_back("key " + std::to_string(i));
  std::mt19937 random(1);
  const auto up_to = [&](unsigned n) {
    return std::uniform_int_distribution<unsigned>(0, n - 1)(random);
  };
  std::vector<std::int64_t> worker_at(r.workers), key_at(r.labels.size());
  std::vector<std::uint16_t> failed(r.labels.size());
  for (int i = 0; i < 1000; ++i) {
    const auto worker = up_to(3), key = up_to(10);
    recording::slice s{.label = key, .messages = 1 + up_to(5), .worker = worker};
    s.begun = std::max(worker_at[worker], key_at[key]) + up_to(2) * 7;
    s.ended = s.begun + up_to(3) * 500;
    s.attempt = static_cast<std::uint16_t>(failed[key] + 1);
    s.failed = up_to(4) == 0;
    failed[key] = s.failed && up_to(5) != 0 ? s.attempt : std::uint16_t{0}; // or it is dead
    worker_at[worker] = s.ended;
    key_at[key] = s.ended + 1;
    if (s.failed) {
      key_at[key] += 5000; // so that it is clear which run tries again
      r.holds.push_back(
          {.begin = s.ended, .end = key_at[key], .label = key, .attempts = s.attempt});
    }
    r.slices.push_back(s);
    r.length = std::max(r.length, std::chrono::nanoseconds(key_at[key]));
  }
  std::shuffle(r.slices.begin(), r.slices.end(), random);
  std::uint64_t backlog = 1000;
  for (std::int64_t at = 0; at < r.length.count(); at += r.length.count() / 100)
    r.levels.push_back(
        {.at = at, .backlog = backlog -= up_to(9), .waiting = up_to(3), .running = up_to(4)});
  return r;
}

recording hostile_labels() {
  recording r;
  r.name = "a \"b\"\n" + std::string(1, '\0') + std::string(1 << 20, 'n');
  r.workers = 1;
  r.labels = hostile_texts();
  for (std::uint32_t i = 0; i < r.labels.size(); ++i) {
    r.slices.push_back({.begun = i * 10, .ended = i * 10 + 9, .label = i});
    r.holds.push_back({.begin = i,
                       .end = 100,
                       .label = i,
                       .reason = convoy::hold_reason{static_cast<unsigned char>(i % 5)}});
  }
  r.dropped = 42;
  return r;
}

/// What nobody should fill in.
recording mistaken() {
  recording r;
  r.workers = 2;
  r.labels = {"k"};
  r.slices = {{.begun = 0, .ended = 10, .worker = 1},
              {.begun = 5, .ended = 15, .worker = 1},
              {.begun = 7, .ended = 8, .worker = 1},
              {.begun = 20, .ended = 12, .worker = 0},
              {.begun = -5, .ended = 3, .worker = 0},
              {.begun = 30, .ended = 31, .label = 7, .worker = 0},
              {.begun = 1, .ended = 2, .worker = ~0u},
              {.begun = 40, .ended = 41, .worker = 0, .failed = true}};
  for (int i = 0; i < 1100; ++i)
    r.holds.push_back({.begin = i, .end = 5000, .reason = convoy::hold_reason::parked});
  return r;
}

/// Not all of them are UTF-8.
nlohmann::json bytes_of(const std::string& text) {
  auto list = nlohmann::json::array();
  for (const char c : text)
    list.push_back(static_cast<unsigned char>(c));
  return list;
}

nlohmann::json json_of(const recording& r) {
  nlohmann::json is{{"workers", r.workers},
                    {"begin", r.begin.time_since_epoch().count()},
                    {"dropped", r.dropped}};
  is["labels"] = nlohmann::json::array();
  is["name"] = bytes_of(r.name);
  for (const auto& label : r.labels)
    is["labels"].push_back(bytes_of(label));
  is["slices"] = nlohmann::json::array();
  for (const auto& s : r.slices)
    is["slices"].push_back({{"begun", s.begun},
                            {"ended", s.ended},
                            {"label", s.label},
                            {"messages", s.messages},
                            {"worker", s.worker},
                            {"attempt", s.attempt},
                            {"failed", s.failed}});
  is["holds"] = nlohmann::json::array();
  for (const auto& h : r.holds)
    is["holds"].push_back({{"begin", h.begin},
                           {"end", h.end},
                           {"label", h.label},
                           {"reason", to_string(h.reason)},
                           {"attempts", h.attempts}});
  is["levels"] = nlohmann::json::array();
  for (const auto& l : r.levels)
    is["levels"].push_back(
        {{"at", l.at}, {"backlog", l.backlog}, {"waiting", l.waiting}, {"running", l.running}});
  return is;
}

convoy::snapshot some_figures(std::string name) {
  convoy::snapshot s;
  s.name = std::move(name);
  s.workers = 4;
  s.accepted = 123'456'789'012;
  s.finished = 123'456'789'000;
  s.dead = 3;
  s.backlog = 12;
  s.window = 1s;
  s.age = 20ms;
  s.handler = s.latency = {.mean = 3ms, .p50 = 1ms, .p99 = 2ms, .p999 = 4ms, .max = 5ms};
  s.handler_total = s.latency_total = {.sum = 1234.5s, .count = 99.6};
  s.wait = {.own_key = 0.75, .service = 0.25};
  s.utilisation = 0.5;
  return s;
}

/// Some hundred keys, of which ten have a rank.
std::vector<convoy::snapshot> snapshots() {
  std::vector<convoy::snapshot> all{some_figures("orders"), some_figures("orders"), {}};
  const auto labels = hostile_texts();
  for (std::size_t from = 0; from < labels.size(); from += 7) {
    auto s = some_figures("hostile" + labels[from % 2 == 0 ? 11 : from] + labels[from]);
    s.labels_are_hashes = false;
    for (std::size_t i = 0; i < 128; ++i) {
      s.hottest.push_back({.label = labels[std::min(from + i, labels.size() - 1)], .share = 0.1});
      s.hottest_total.push_back(10s);
    }
    s.most = s.costliest = s.hottest;
    for (const auto& label : labels)
      s.positions.push_back({.name = label, .lag = s.positions.size()});
    for (std::size_t i = 0; i < 100; ++i)
      s.positions.push_back({.name = "orders[" + std::to_string(i) + "]"});
    all.push_back(std::move(s));
  }
  all[0].labels_are_hashes = false;
  for (auto* s : {&all[0], &all[1]}) {
    s->hottest = {{.label = "apple", .share = 0.5}, {.label = "pear", .share = 0.25}};
    s->hottest_total = {20s, 10s, 5s};
    s->positions = {{.name = "orders[3]",
                     .committed = 17,
                     .watermark = 20,
                     .gaps = 2,
                     .in_flight = 5,
                     .lag = 1000,
                     .oldest = 1500ms},
                    {.name = "orders[3]", .gaps = 1, .lag = 2000}};
  }
  return all;
}

} // namespace

int main(int, char** argv) {
  const std::filesystem::path directory = argv[1];
  const std::vector<recording> recordings{some_runs(), hostile_labels(), mistaken(), recording()};
  std::ofstream trace(directory / "trace.pftrace", std::ios::binary);
  convoy::write_trace(trace, recordings);
  auto list = nlohmann::json::array();
  for (const auto& each : recordings)
    list.push_back(json_of(each));
  std::ofstream(directory / "trace.json") << list;
  const auto all = snapshots();
  std::ofstream open(directory / "metrics.om", std::ios::binary);
  convoy::write_metrics(open, all);
  std::ofstream older(directory / "metrics.prom", std::ios::binary);
  convoy::write_metrics(older, all, convoy::metrics_format::prometheus);
  auto names = nlohmann::json::array();
  for (const auto& s : all) {
    names.push_back({{"name", bytes_of(s.name)},
                     {"labels", nlohmann::json::array()},
                     {"sources", nlohmann::json::array()}});
    for (const auto& key : s.hottest)
      names.back()["labels"].push_back(bytes_of(key.label));
    for (const auto& position : s.positions)
      names.back()["sources"].push_back(bytes_of(position.name));
  }
  std::ofstream(directory / "metrics.json") << names;
  return trace.flush() && open.flush() && older.flush() ? 0 : 1;
}
