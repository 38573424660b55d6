#include "load/service.hpp"

#include "load/random.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace convoy::tool {
namespace {

[[noreturn]] void reject_sum() {
  throw input_error("the service times add up to more than a century; choose shorter ones");
}

std::int64_t whole(double ns) {
  if (!(ns <= static_cast<double>(century_ns)))
    reject_sum();
  return std::llround(ns);
}

/// One service time per event, of whatever law: draw(event, uniform source).
struct draw {
  const event& of;
  random_source& uniform;

  std::int64_t operator()(const service_from_trace& law) const {
    return law.scale == 1 ? of.service_ns : whole(law.scale * static_cast<double>(of.service_ns));
  }
  std::int64_t operator()(const fixed_service& law) const { return law.ns; }
  std::int64_t operator()(const exponential_service& law) const {
    return whole(-std::log1p(-uniform()) * static_cast<double>(law.mean_ns));
  }
  std::int64_t operator()(const bimodal_service& law) const {
    return uniform() < law.long_share ? law.long_ns : law.short_ns;
  }
};

service_spec parse_law(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (text == "trace")
    return service_from_trace{};
  if (colon == std::string_view::npos)
    throw input_error("there is no such law");
  const std::string_view rest = text.substr(colon + 1);
  if (name == "trace")
    return service_from_trace{parse_real("SCALE", rest)};
  if (name == "fixed")
    return fixed_service{parse_duration(rest)};
  if (name == "exp")
    return exponential_service{parse_duration(rest)};
  if (name != "bimodal")
    throw input_error("there is no such law");
  const auto parts = split(rest, ',');
  if (parts.size() != 3)
    throw input_error("bimodal takes three values");
  const bimodal_service law{parse_duration(parts[0]), parse_duration(parts[1]),
                            parse_real("SHARE", parts[2])};
  if (law.long_share > 1)
    throw input_error("SHARE is more than 1");
  return law;
}

} // namespace

service_spec parse_service(std::string_view text) {
  try {
    return parse_law(text);
  } catch (const input_error& error) {
    throw input_error("service " + in_quotes(text) + ": " + error.what() +
                      "; expected trace[:SCALE], fixed:DURATION, exp:MEAN or "
                      "bimodal:SHORT,LONG,SHARE, as in fixed:10us");
  }
}

std::vector<std::int64_t> service_ns(const trace& events, const service_spec& spec,
                                     std::uint64_t seed) {
  if (std::holds_alternative<service_from_trace>(spec) && !events.has_service)
    throw input_error("the trace has no service times; choose another service, as in fixed:10us");
  random_source uniform(seed, drawn::service);
  std::vector<std::int64_t> times;
  times.reserve(events.events.size());
  std::int64_t sum = 0;
  for (const event& e : events.events) {
    times.push_back(std::visit(draw{e, uniform}, spec));
    if (times.back() > century_ns - sum)
      reject_sum();
    sum += times.back();
  }
  if (const auto* law = std::get_if<service_from_trace>(&spec))
    if (sum == 0 && law->scale > 0 &&
        std::ranges::any_of(events.events, [](const event& e) { return e.service_ns > 0; }))
      throw input_error("at this SCALE all service times are less than a nanosecond");
  return times;
}

} // namespace convoy::tool
