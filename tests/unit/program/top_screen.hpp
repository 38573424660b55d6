#pragma once

// A processor to show, and what is drawn of it, without a terminal.

#include "top/screen.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace convoy::tool::top_test {

using namespace std::chrono_literals;

inline key_share key(std::string label, double share) {
  return {.label = std::move(label),
          .share = share,
          .low = share * 0.9,
          .high = share * 1.1,
          .messages_per_second = 1234,
          .depth = 17,
          .handler_time = 1500us,
          .waited = 2s,
          .to_drain = 3s};
}

inline snapshot orders(std::size_t keys = 20) {
  snapshot s;
  s.name = "orders";
  s.workers = 16;
  s.backlog = 12'345;
  s.oldest = 4s;
  s.window = 1s;
  s.accepted_per_second = 1'500;
  s.latency.p99 = 250ms;
  s.wait = {.admission = 0, .own_key = 0.5, .scheduler = 0.1, .backoff = 0.1, .service = 0.3};
  s.lanes.parked = 3;
  s.efficiency = 0.97;
  s.speedup_ceiling = 3.9;
  for (std::size_t i = 0; i < keys; ++i)
    s.hottest.push_back(key("key" + std::to_string(i), 0.4 / static_cast<double>(i + 1)));
  s.most = {key("many", 0.2)};
  s.costliest = {key("dear", 0.9)};
  return s;
}

inline std::vector<source_position> partitions(std::size_t many) {
  std::vector<source_position> all;
  for (std::size_t i = 0; i < many; ++i)
    all.push_back({.name = "orders[" + std::to_string(i) + "]",
                   .committed = 1'000'000'017,
                   .watermark = 1'000'000'018,
                   .gaps = 3,
                   .in_flight = 45,
                   .lag = 100 * i,
                   .oldest = 7s});
  return all;
}

inline screen with(std::vector<snapshot> processors) {
  screen s;
  s.socket = "/run/shop.sock";
  s.processors = std::move(processors);
  return s;
}

inline std::string text_of(const screen_line& line) {
  std::string text;
  for (const span& part : line)
    text += part.text;
  return text;
}

inline std::string drawn(const screen& of, std::size_t width, std::size_t height) {
  std::string text;
  for (const screen_line& line : draw(of, width, height))
    text += text_of(line) + '\n';
  return text;
}

inline std::string line_with(const std::string& text, const std::string& what) {
  const auto at = text.find(what);
  if (at == std::string::npos)
    return "";
  const auto begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

inline std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size()))
    ++found;
  return found;
}

} // namespace convoy::tool::top_test
