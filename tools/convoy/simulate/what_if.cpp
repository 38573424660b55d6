#include "simulate/what_if.hpp"

#include "text/format.hpp"
#include "text/input_error.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace convoy::tool {
namespace {

constexpr double most_faster = 1e6;
constexpr std::uint64_t most_split = 1024;

/// Returns the name of the part.
std::string_view parse_part(std::string_view part, what_if& result) {
  const std::size_t sign = part.find('=');
  const std::string_view name = part.substr(0, sign);
  const std::string_view value =
      sign == std::string_view::npos ? std::string_view{} : part.substr(sign + 1);
  if (name == "faster") {
    result.faster = parse_positive("faster", value);
    if (result.faster > most_faster || result.faster < 1 / most_faster)
      throw input_error("faster must be from 0.000001 to 1000000");
  } else if (name == "split") {
    result.split = static_cast<std::uint32_t>(parse_whole("split", value, 1, most_split));
  } else {
    throw input_error(part.empty() ? "there is no change" : "there is no " + in_quotes(name));
  }
  return name;
}

what_if parse_parts(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    throw input_error("there is no colon");
  if (colon == 0)
    throw input_error("the key is empty");
  what_if result{.key = std::string{text.substr(0, colon)}};
  std::vector<std::string_view> given;
  for (const std::string_view part : split(text.substr(colon + 1), ',')) {
    const std::string_view name = parse_part(part, result);
    if (std::ranges::find(given, name) != given.end())
      throw input_error(std::string{name} + " is there twice");
    given.push_back(name);
  }
  return result;
}

std::uint32_t index_of(const workload& load, const std::string& key) {
  for (std::uint32_t i = 0; i < load.keys.size(); ++i)
    if (load.keys[i] == key &&
        std::ranges::any_of(load.messages, [&](const message& m) { return load.is_of(m, i); }))
      return i;
  throw input_error("--what-if: no message has the key " + in_quotes(key) +
                    "; write one as it is in the input: without --what-if the hottest are listed");
}

} // namespace

what_if parse_what_if(std::string_view text) {
  try {
    return parse_parts(text);
  } catch (const input_error& error) {
    throw input_error("--what-if " + in_quotes(text) + ": " + error.what() +
                      "; expected KEY:faster=X, KEY:split=N or both, as in AAPL:faster=2,split=4");
  }
}

std::string what_if_text(const what_if& change, std::size_t width) {
  constexpr std::size_t shortest_key = 4;
  std::string parts;
  if (change.faster != 1 || change.split == 1)
    parts += "faster=" + number_text(change.faster);
  if (change.split != 1)
    parts += (parts.empty() ? "split=" : ",split=") + std::to_string(change.split);
  const std::size_t left = width - std::min(width, parts.size() + 2); // the colon and an ellipsis
  return name_text(name_text(change.key, std::max(left, shortest_key)) + ':' + parts, width);
}

void check(const workload& load, const what_if& change) {
  (void)index_of(load, change.key);
}

workload with(workload load, const what_if& change) {
  const std::uint32_t key = index_of(load, change.key);
  const auto first_new = static_cast<std::uint32_t>(load.keys.size());
  for (std::uint32_t i = 1; i < change.split; ++i)
    load.keys.push_back(change.key + '/' + std::to_string(i + 1));
  if (!load.key_bytes.empty())
    load.key_bytes.resize(load.keys.size(), 0);
  const auto deal = [&](std::uint32_t& of, std::uint32_t& position) {
    if (of != key)
      return;
    if (const std::uint32_t turn = position % change.split; turn > 0)
      of = first_new + turn - 1;
    position /= change.split;
  };
  for (message& m : load.messages) {
    if (change.faster != 1 && load.is_of(m, key))
      m.service_ns = std::llround(static_cast<double>(m.service_ns) / change.faster);
    deal(m.key, m.position);
  }
  for (place& p : load.further_places)
    deal(p.key, p.position);
  return load;
}

} // namespace convoy::tool
