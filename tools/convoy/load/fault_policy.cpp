#include "load/fault_policy.hpp"

#include "input/trace.hpp"
#include "text/format.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

namespace convoy::tool {
namespace {

constexpr std::string_view expected =
    "; expected attempts=N,backoff=DURATION,factor=X,ceiling=DURATION,jitter=on|off,"
    "max_block=DURATION,then=skip|park|fail_rest, or some of these";

constexpr std::array<std::pair<exhausted, std::string_view>, 3> ends{
    {{exhausted::skip, "skip"}, {exhausted::park, "park"}, {exhausted::fail_rest, "fail_rest"}}};

std::chrono::nanoseconds duration(std::string_view name, std::string_view value) {
  try {
    return std::chrono::nanoseconds{parse_duration(value)};
  } catch (const input_error& error) {
    throw input_error(std::string{name} + ": " + error.what());
  }
}

exhausted end_named(std::string_view value) {
  for (const auto& [end, name] : ends)
    if (name == value)
      return end;
  throw input_error("then " + in_quotes(value) + " is none of skip, park and fail_rest");
}

bool is_on(std::string_view value) {
  if (value != "on" && value != "off")
    throw input_error("jitter " + in_quotes(value) + " is neither on nor off");
  return value == "on";
}

void set(failure_policy& policy, std::string_view name, std::string_view value) {
  if (name == "attempts")
    policy.attempts = static_cast<unsigned>(
        parse_whole(name, value, 1, std::numeric_limits<std::uint32_t>::max()));
  else if (name == "backoff")
    policy.backoff = duration(name, value);
  else if (name == "factor")
    policy.factor = parse_real(name, value);
  else if (name == "ceiling")
    policy.ceiling = duration(name, value);
  else if (name == "jitter")
    policy.jitter = is_on(value);
  else if (name == "max_block")
    policy.max_block = duration(name, value);
  else if (name == "then")
    policy.then = end_named(value);
  else
    throw input_error("there is no part " + in_quotes(name));
}

failure_policy parse_each_part(std::string_view text) {
  failure_policy policy;
  std::vector<std::string_view> given;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    if (equals == std::string_view::npos)
      throw input_error("the part " + in_quotes(part) + " has no =");
    if (std::ranges::find(given, name) != given.end())
      throw input_error(std::string{name} + " is given twice");
    set(policy, name, part.substr(equals + 1));
    given.push_back(name);
  }
  // What the processor would refuse too, in the words of this command line.
  if (policy.factor < 1)
    throw input_error("factor " + number_text(policy.factor) + " is less than 1");
  if (policy.backoff > policy.ceiling)
    throw input_error("backoff " + exact_duration_text(policy.backoff.count()) +
                      " is more than ceiling " + exact_duration_text(policy.ceiling.count()));
  return policy;
}

} // namespace

failure_policy parse_policy(std::string_view text) {
  try {
    return parse_each_part(text);
  } catch (const input_error& error) {
    throw input_error("policy " + in_quotes(text) + ": " + error.what() + std::string{expected});
  }
}

std::string policy_text(const failure_policy& policy) {
  std::string text = "attempts=" + std::to_string(policy.attempts);
  text += ",backoff=" + exact_duration_text(policy.backoff.count());
  text += ",factor=" + number_text(policy.factor);
  text += ",ceiling=" + exact_duration_text(policy.ceiling.count());
  text += policy.jitter ? ",jitter=on" : ",jitter=off";
  if (policy.max_block != failure_policy{}.max_block)
    text += ",max_block=" + exact_duration_text(policy.max_block.count());
  for (const auto& [end, name] : ends)
    if (end == policy.then)
      text.append(",then=").append(name);
  return text;
}

std::string exact_duration_text(std::int64_t nanoseconds) {
  if (nanoseconds == 0)
    return "0";
  std::string_view unit = "ns";
  for (const std::string_view larger : {"us", "ms", "s"}) {
    if (nanoseconds % 1000 != 0)
      break;
    nanoseconds /= 1000;
    unit = larger;
  }
  return std::to_string(nanoseconds).append(unit);
}

} // namespace convoy::tool
