#include "load/generator.hpp"

#include "load/alias_table.hpp"
#include "load/random.hpp"
#include "text/format.hpp"
#include "text/parse.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

std::vector<double> weights(const generator_options& options) {
  std::vector<double> shares(options.zipf.keys);
  double sum = 0;
  // Smallest first, so that a million small terms do not vanish beside the first one.
  for (std::uint32_t k = options.zipf.keys; k > 0; --k)
    sum += shares[k - 1] = std::pow(static_cast<double>(k), -options.zipf.theta);
  if (options.hot_share > 0)
    shares.push_back(sum * options.hot_share / (1 - options.hot_share));
  return shares;
}

std::string name_of(std::uint32_t rank, const generator_options& options) {
  if (rank == options.zipf.keys)
    return "hot";
  return std::string("k").append(std::to_string(rank + 1));
}

std::string describe(const generator_options& options) {
  std::string words = "zipf " + std::to_string(options.zipf.keys) + ':' +
                      number_text(options.zipf.theta) + ':' + std::to_string(options.zipf.messages);
  if (options.hot_share > 0)
    words += ", hot " + number_text(options.hot_share);
  if (options.rate > 0)
    words += ", " + number_text(options.rate) + " messages/s";
  return words + ", seed " + std::to_string(options.seed);
}

/// Arrivals at random and independent of each other: the gaps are exponential.
void set_arrivals(std::vector<event>& events, const generator_options& options) {
  random_source uniform(options.seed, drawn::arrivals);
  double at_ns = 0;
  for (event& e : events) {
    e.at_ns = std::llround(at_ns);
    at_ns -= std::log1p(-uniform()) * 1e9 / options.rate;
    if (!(at_ns <= static_cast<double>(century_ns)))
      throw input_error("at this --rate the messages take longer than a century to arrive");
  }
}

} // namespace

zipf_law parse_zipf(std::string_view text) {
  try {
    const auto parts = split(text, ':');
    if (parts.size() != 3)
      throw input_error("there are not three parts");
    const zipf_law law{.keys = parse_count("KEYS", parts[0]),
                       .theta = parse_real("THETA", parts[1]),
                       .messages = parse_count("MESSAGES", parts[2])};
    if (law.keys == 0 || law.messages == 0)
      throw input_error("KEYS and MESSAGES must be at least 1");
    if (law.keys == std::numeric_limits<std::uint32_t>::max()) // the hot key needs a number too
      throw input_error("KEYS must be at most 4294967294");
    return law;
  } catch (const input_error& error) {
    throw input_error("zipf " + in_quotes(text) + ": " + error.what() +
                      "; expected KEYS:THETA:MESSAGES, as in 1000:0.99:1000000");
  }
}

double parse_hot_share(std::string_view text) {
  const double share = parse_real("hot share", text);
  if (share <= 0 || share >= 1)
    throw input_error("hot share " + in_quotes(text) + " must be more than 0 and less than 1");
  return share;
}

double parse_rate(std::string_view text) {
  constexpr double most = 1e9;
  const double rate = parse_positive("--rate", text);
  if (rate > most)
    throw input_error("--rate " + in_quotes(text) +
                      " is too large; the most is 1e9, a message a nanosecond");
  return rate;
}

trace generate(const generator_options& options) {
  const alias_table draw(weights(options));
  random_source uniform(options.seed, drawn::keys);
  constexpr std::uint32_t unseen = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> index_of(options.zipf.keys + std::size_t{1}, unseen);

  trace made;
  made.source = describe(options);
  made.events.resize(options.zipf.messages);
  for (event& e : made.events) {
    const std::uint32_t rank = draw(uniform());
    if (index_of[rank] == unseen) {
      index_of[rank] = static_cast<std::uint32_t>(made.keys.size());
      made.keys.push_back(name_of(rank, options));
    }
    e.key = index_of[rank];
  }
  made.has_times = options.rate > 0;
  if (made.has_times)
    set_arrivals(made.events, options);
  return made;
}

} // namespace convoy::tool
