#include "load/faults.hpp"

#include "input/trace.hpp"
#include "load/random.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace convoy::tool {
namespace {

constexpr std::string_view stick_expected = "; expected KEY:DURATION, as in AAPL:100ms";

std::uint32_t index_of(const workload& load, const std::string& key) {
  const auto found = std::ranges::find(load.keys, key);
  if (found == load.keys.end())
    throw input_error("--stick: no message has the key " + in_quotes(key) +
                      "; write one as it is in the input: a replay without faults lists the "
                      "hottest");
  return static_cast<std::uint32_t>(found - load.keys.begin());
}

stuck_key parse_parts(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    throw input_error("there is no colon");
  if (colon == 0)
    throw input_error("the key is empty");
  return {std::string{text.substr(0, colon)}, parse_duration(text.substr(colon + 1))};
}

} // namespace

double parse_fail_share(std::string_view text) {
  const bool is_percentage = text.ends_with('%');
  const std::string_view number = text.substr(0, text.size() - (is_percentage ? 1 : 0));
  try {
    const double share = parse_real("share", number) / (is_percentage ? 100 : 1);
    if (share <= 1)
      return share;
  } catch (const input_error&) { // the whole text is quoted below
  }
  throw input_error("--fail " + in_quotes(text) +
                    " is not a share of the messages from 0 to 1, as in 0.01, or from 0% to 100%");
}

stuck_key parse_stuck_key(std::string_view text) {
  try {
    return parse_parts(text);
  } catch (const input_error& error) {
    throw input_error("--stick " + in_quotes(text) + ": " + error.what() +
                      std::string{stick_expected});
  }
}

std::vector<bool> draw_poison(std::size_t messages, double share, std::uint64_t seed) {
  random_source uniform(seed, drawn::poison);
  std::vector<bool> poison(messages);
  for (std::size_t i = 0; i < messages; ++i)
    poison[i] = uniform() < share;
  return poison;
}

workload with_stuck_keys(workload load, const std::vector<stuck_key>& stuck) {
  std::vector<std::optional<std::int64_t>> stuck_ns(load.keys.size());
  for (const stuck_key& each : stuck) {
    auto& ns = stuck_ns[index_of(load, each.key)];
    if (ns)
      throw input_error("--stick: the key " + in_quotes(each.key) + " is given twice");
    ns = each.ns;
  }
  std::int64_t sum = 0;
  for (message& m : load.messages) {
    m.service_ns = stuck_ns[m.key].value_or(m.service_ns);
    if (m.service_ns > century_ns - sum)
      throw input_error("--stick: the handlers take more than a century; choose shorter durations");
    sum += m.service_ns;
  }
  return load;
}

std::vector<bool> healthy_keys(const workload& load, const std::vector<bool>& poison,
                               const std::vector<stuck_key>& stuck) {
  std::vector<bool> healthy(load.keys.size(), false);
  for (const message& m : load.messages)
    healthy[m.key] = true;
  for (std::size_t i = 0; i < load.messages.size(); ++i)
    if (poison[i])
      healthy[load.messages[i].key] = false;
  for (const stuck_key& each : stuck)
    healthy[index_of(load, each.key)] = false;
  return healthy;
}

} // namespace convoy::tool
