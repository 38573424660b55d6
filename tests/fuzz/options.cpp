// The small languages of the command line. What is accepted is in range.

#include "input/columns.hpp"
#include "load/generator.hpp"
#include "load/service.hpp"
#include "text/parse.hpp"
#include "text/time_text.hpp"

#include <cstdlib>

namespace {

template <class Parse, class Check>
void parse_any(Parse parse, std::string_view text, Check in_range) {
  try {
    if (!in_range(parse(text)))
      std::abort();
  } catch (const convoy::tool::input_error&) {
  }
}

bool in_range(const convoy::tool::service_spec& spec) {
  using namespace convoy::tool;
  if (const auto* law = std::get_if<service_from_trace>(&spec))
    return law->scale >= 0;
  if (const auto* law = std::get_if<fixed_service>(&spec))
    return law->ns >= 0;
  if (const auto* law = std::get_if<exponential_service>(&spec))
    return law->mean_ns >= 0;
  const auto& law = std::get<bimodal_service>(spec);
  return law.short_ns >= 0 && law.long_ns >= 0 && law.long_share >= 0 && law.long_share <= 1;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace convoy::tool;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  parse_any(parse_zipf, text,
            [](const zipf_law& law) { return law.keys > 0 && law.messages > 0 && law.theta >= 0; });
  parse_any(parse_hot_share, text, [](double share) { return share > 0 && share < 1; });
  const auto positive = [](std::string_view given) { return parse_positive("x", given); };
  parse_any(positive, text, [](double value) { return value > 0; });
  const auto whole = [](std::string_view given) { return parse_whole("n", given, 1, 1024); };
  parse_any(whole, text, [](std::uint64_t value) { return value >= 1 && value <= 1024; });
  parse_any(parse_rate, text, [](double rate) { return rate > 0 && rate <= 1e9; });
  const auto time = [](std::string_view given) { return parse_time(given, 1'000'000'000); };
  parse_any(time, text,
            [](const auto& read) { return !read || (read->at_ns >= 0 && read->unit_ns >= 0); });
  parse_any(parse_clf_time, text, [](std::int64_t ns) { return ns >= 0; });
  parse_any(parse_service, text, in_range);
  return 0;
}
