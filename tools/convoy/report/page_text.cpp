#include "load/fault_policy.hpp"
#include "load/service.hpp"
#include "report/faults.hpp"
#include "report/page.hpp"
#include "strategies/strategy.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>

namespace convoy::tool {
namespace {

constexpr std::size_t name_width = 40;
constexpr double little = 0.05; ///< of a makespan: less is no reason to change anything

std::string time_text(double seconds) {
  return duration_text(seconds * 1e6);
}

std::string per_second_text(double throughput) {
  return plural(static_cast<std::uint64_t>(throughput), "message") + " a second";
}

std::string key_text(const report& r, std::uint32_t key) {
  return "key " + name_text(r.keys[key], name_width);
}

std::string words_of(const report& r, const run_figures& f) {
  return r.config.sweep.empty() ? f.strategy : f.strategy + " with " + plural(f.workers, "worker");
}

/// A sentence may begin with the name of a strategy, or with "key".
std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

/// What handlers take, in words.
std::string service_words(std::string_view law) {
  const auto ns_text = [](std::int64_t ns) { return exact_duration_text(ns); };
  struct in_words {
    decltype(ns_text)& text;
    std::string operator()(const service_from_trace& s) const {
      return s.scale == 1 ? "take what the input says"
                          : "take " + number_text(s.scale) + " times what the input says";
    }
    std::string operator()(const fixed_service& s) const { return "take " + text(s.ns) + " each"; }
    std::string operator()(const exponential_service& s) const {
      return "take " + text(s.mean_ns) + " on average, exponentially distributed";
    }
    std::string operator()(const bimodal_service& s) const {
      return "take " + text(s.short_ns) + ", or " + text(s.long_ns) + " for " +
             percent_text(s.long_share) + " of the messages";
    }
  };
  return std::visit(in_words{ns_text}, parse_service(law));
}

/// The run that the page is about: lanes with the most workers; else the first.
std::size_t main_run(const report& r) {
  for (std::size_t i = r.runs.size(); i-- > 0;)
    if (r.runs[i].strategy == "lanes")
      return i;
  return 0;
}

/// Of the other strategies, each with the most workers, the one that took longest. A clean run is
/// none.
const run_figures* slowest_other(const report& r) {
  if (r.config.faults)
    return nullptr;
  const run_figures* slowest = nullptr;
  for (std::size_t i = 0; i < r.runs.size(); ++i) {
    const run_figures& f = r.runs[i];
    const bool is_last = i + 1 == r.runs.size() || r.runs[i + 1].strategy != f.strategy;
    if (is_last && f.strategy != r.runs[main_run(r)].strategy &&
        (slowest == nullptr || f.seconds > slowest->seconds))
      slowest = &f;
  }
  return slowest;
}

std::string workers_text(const report& r) {
  return plural(effective_workers(r.config, r.config.workers), "worker");
}

std::string what_it_took(const report& r, const run_figures& f) {
  const std::uint64_t handled = f.messages - f.dead - f.lost;
  const std::string messages = handled == f.messages
                                   ? plural(f.messages, "message")
                                   : count_text(handled) + " of " + plural(f.messages, "message");
  std::string text = words_of(r, f) + " handled " + messages + " of " +
                     plural(r.trace.keys, "key") + " in " + time_text(f.seconds);
  if (f.bound_seconds > 0)
    text += ", at " + percent_text(f.efficiency) + " of the speed that order and " +
            plural(f.bound_workers, "worker") + " allow";
  return text + ".";
}

/// An open load takes as long as its input: order shows in the waits.
std::string cost_of_order(const report& r, const page_data& page, const run_figures& ours) {
  if (!r.config.closed)
    return "Order costs waits: in " + words_of(r, ours) + ", " + percent_text(ours.share.own_key) +
           " of the time of all messages went by until an earlier one of their key was done.";
  const double in_order = ours.bound_seconds;
  const double cost = in_order / page.unordered_bound_seconds - 1;
  if (cost < 0.005)
    return "Order costs nothing here: on " + workers_text(r) + " the work takes at least " +
           time_text(in_order) + ", in order or not.";
  return "Order costs " + percent_text(cost) + " more time: on " + workers_text(r) +
         " the work takes at least " + time_text(page.unordered_bound_seconds) +
         " without it, and " + time_text(in_order) + " with it.";
}

std::string what_limits(const report& r, const page_data& page) {
  const key_figures& hot = page.keys.front();
  const std::string share =
      key_text(r, hot.key) + " has " + percent_text(hot.work_share) + " of the work";
  if (!r.config.closed && page.asked.rate <= 0) // unknown
    return share + ".";
  if (!r.config.closed)
    return share + ": " + ratio_text(page.asked.rate * hot.work_share) +
           " s a second, where order gives a key 1 at most. " +
           (page.asked.path_rate <= 0 ? ""
                                      : "Of what joint messages tie together it also gets 1, of " +
                                            ratio_text(page.asked.path_rate) + ". ") +
           "All keys together need " + ratio_text(page.asked.rate) +
           " s of work a second, and there are " + workers_text(r) + ".";
  const std::string ceiling = share +
                              (r.trace.joint != 0    ? ". As joint messages tie keys together"
                               : r.trace.shared != 0 ? ". As those of its messages that are not "
                                                       "shared go alone"
                                                     : ". As its messages go one after the other") +
                              ", no number of workers is more than " + ratio_text(page.ceiling) +
                              " times as fast as one";
  return page.ceiling < effective_workers(r.config, r.config.workers)
             ? ceiling + (r.trace.joint == 0 ? ": it is this key" : ": it is order") +
                   " that limits the run, not the workers."
             : ceiling + "; with " + workers_text(r) + " it is not the limit.";
}

std::string how_many_workers(const report& r, const page_data& page) {
  const unsigned enough = page.predicted->enough;
  std::string text = plural(enough, "worker") + (enough == 1 ? " is" : " are") +
                     " enough, by prediction: 1,024 would end at most 5 % sooner";
  if (!r.config.closed)
    text += ", with a 99th percentile of latency at most 10 % lower";
  return text + ".";
}

double gain(const prediction& now, const prediction& then, bool closed) {
  return closed ? 1 - then.seconds / now.seconds : 1 - then.p99_us / now.p99_us;
}

std::string what_would_help(const report& r, const predictions& f) {
  const bool closed = r.config.closed;
  const key_prediction* best = nullptr;
  bool by_split = false;
  double most = little;
  for (const key_prediction& key : f.keys)
    for (const bool split : {true, false})
      if (const double g = gain(f.now, split ? key.split : key.faster, closed); g > most) {
        most = g;
        best = &key;
        by_split = split;
      }
  const std::string figure = closed ? "run" : "99th percentile of latency";
  if (best == nullptr)
    return "Neither to split " +
           (f.keys.size() == 1 ? "the busiest key"
                               : "one of the " + plural(f.keys.size(), "busiest key")) +
           " nor to make it twice as fast would make the " + figure + " 5 % shorter.";
  const prediction& then = by_split ? best->split : best->faster;
  return "Most would help to " + std::string{by_split ? "split " : "make "} +
         key_text(r, best->key) + (by_split ? " in 4" : " twice as fast") + ": by prediction the " +
         figure + " becomes " + percent_text(most) + " shorter, " +
         (closed ? time_text(then.seconds) + " instead of " + time_text(f.now.seconds)
                 : duration_text(then.p99_us) + " instead of " + duration_text(f.now.p99_us)) +
         ".";
}

std::string compare(const report& r, const run_figures& ours, const run_figures& other) {
  return words_of(r, other) + " took " + ratio_text(other.seconds / ours.seconds) +
         " times as long as " + words_of(r, ours) + ".";
}

std::string broken_order(const report& r, const run_figures& f) {
  return words_of(r, f) + (f.keeps_order ? " BROKE ITS PROMISE: " : " broke the order: ") +
         plural(f.order_violations, "message") + " began out of order, " + count_text(f.overlaps) +
         " while another of their key ran" +
         (f.lost + f.repeated == 0
              ? std::string{}
              : "; " + count_text(f.lost) + " were lost, " + count_text(f.repeated) + " repeated") +
         ".";
}

/// The least number of keys that have half of the work, as far as the points tell.
const share_of_keys* half_of_work(const page_data& page) {
  const auto found = std::ranges::find_if(page.concentration,
                                          [](const share_of_keys& s) { return s.work >= 0.5; });
  return found == page.concentration.end() ? nullptr : &*found;
}

std::string latency_reading(const report& r, const run_figures& ours, const run_figures* other) {
  std::string text = (ours.dead + ours.lost == 0 ? "99 % of the messages were done within "
                                                 : "99 % of the handled messages took at most ") +
                     duration_text(ours.all.p99) + " in " + words_of(r, ours);
  if (other && std::isfinite(other->all.p99))
    text += ", and within " + duration_text(other->all.p99) + " in " + words_of(r, *other);
  return text +
         (r.config.closed ? ". As all was submitted at once, most of it is the backlog." : ".");
}

std::string waits_reading(const std::string& name, const wait_shares& share) {
  return "In " + name + " messages spent " + percent_text(share.admission) +
         " of their time waiting to be taken, " + percent_text(share.own_key) +
         " behind earlier ones of their key, " + percent_text(share.scheduler) +
         " waiting for a worker, and " + percent_text(share.service) + " in their handlers.";
}

double most_of(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::ranges::max_element(values);
}

double median_of(std::vector<double> values) {
  if (values.empty())
    return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

} // namespace

std::vector<std::string> conclusion(const report& r, const page_data& page) {
  std::vector<std::string> said;
  const run_figures& ours = r.runs[main_run(r)];
  said.push_back(what_it_took(r, ours));
  if (is_too_few(r)) {
    said.push_back(too_few_messages(r));
  } else if (ours.bound_seconds > 0 && page.unordered_bound_seconds > 0 && !page.keys.empty()) {
    said.push_back(cost_of_order(r, page, ours));
    said.push_back(what_limits(r, page));
  }
  if (page.predicted) {
    said.push_back(how_many_workers(r, page));
    said.push_back(what_would_help(r, *page.predicted));
  }
  if (r.faults)
    for (std::string& sentence : fault_findings(*r.faults, r.config.closed))
      said.push_back(std::move(sentence));
  if (const run_figures* other = slowest_other(r);
      other && !is_too_few(r) && ours.seconds > 0 && other->seconds > 1.1 * ours.seconds)
    said.push_back(compare(r, ours, *other));
  for (const run_figures& f : r.runs)
    if (f.is_broken())
      said.push_back(broken_order(r, f));
  for (const std::string& warning : r.warnings)
    said.push_back("Warning: " + warning + ".");
  std::ranges::transform(said, said.begin(), sentence);
  return said;
}

std::vector<std::pair<std::string, std::string>> facts(const report& r, const page_data& page) {
  const replay_config& c = r.config;
  std::string workers;
  for (const unsigned n : c.sweep)
    workers += (workers.empty() ? "" : ", ") + count_text(n);
  std::string tried;
  for (const strategy_traits& s : strategies)
    if (std::ranges::find(r.runs, s.name, &run_figures::strategy) != r.runs.end())
      tried.append(tried.empty() ? "" : "; ").append(s.name).append(": ").append(s.words);
  std::string defaults;
  for (const std::string& option : c.defaults)
    defaults += (defaults.empty() ? "" : ", ") + name_text(option, 200);
  std::vector<std::pair<std::string, std::string>> all{
      {"Input", name_text(c.source, 400)},
      {"Messages", messages_text(r.trace)},
      {"Submitted",
       (c.closed ? "as fast as they were taken (closed loop)"
                 : "at " + number_text(c.speed) + " times the pace of the input (open loop)") +
           ", by " + plural(c.producers, "producer") + "; at most " + count_text(c.capacity) +
           " unfinished"},
      {"Handlers", service_words(c.service) + ", in " +
                       (c.service_kind == "spin" ? "busy loops, each on a core of its own"
                                                 : "sleep, as if they waited for another service")},
      {"Workers", c.sweep.empty() ? count_text(c.workers) : workers},
      {"Strategies", tried},
      {"Machine", page.machine},
      {"Program", "convoy " + r.version + ", " + page.made_at}};
  if (c.faults)
    all.emplace_back("Faults", options_text(*c.faults));
  if (!defaults.empty())
    all.emplace_back("By default", defaults);
  for (const std::string& sentence : not_read(r))
    all.emplace_back("Left out", name_text(sentence, 200));
  return all;
}

std::vector<std::pair<std::string, std::string>> readings(const report& r, const page_data& page) {
  std::vector<std::pair<std::string, std::string>> said;
  const std::size_t at = main_run(r);
  const run_figures& ours = r.runs[at];
  const std::string name = words_of(r, ours);
  const run_figures* const other = slowest_other(r);

  std::string speed = name + " handled " + per_second_text(ours.throughput);
  if (ours.bound_seconds > 0)
    speed += ", of " +
             count_text(static_cast<std::uint64_t>(static_cast<double>(ours.messages) /
                                                   ours.bound_seconds)) +
             " that order and the workers allow";
  if (other)
    speed += "; " + words_of(r, *other) + " " +
             count_text(static_cast<std::uint64_t>(other->throughput));
  said.emplace_back("speed", speed + ".");

  if (ours.bound_seconds > 0)
    said.emplace_back("loss",
                      "Of the time of " + name + ", " + percent_text(ours.efficiency) +
                          " is what the work needs at least in order; " +
                          percent_text(ours.overshoot_share) +
                          " went to handlers that took longer than configured, " +
                          percent_text(std::max(0.0, 1 - ours.efficiency - ours.overshoot_share)) +
                          " to all else. Beyond 100 % is a strategy that keeps no order.");

  if (std::isfinite(ours.all.p99)) { // something was handled
    said.emplace_back("latency", latency_reading(r, ours, other));
    said.emplace_back("waits", waits_reading(name, ours.share));
  }

  const run_series& series = page.series[at];
  said.emplace_back("backlog",
                    "At most " +
                        plural(static_cast<std::uint64_t>(most_of(series.backlog)), "message") +
                        " waited or ran in " + name +
                        "; a line that falls straight is a run without idle workers, a flat tail "
                        "is one in which few keys are left.");
  const double median = median_of(series.throughput);
  said.emplace_back("throughput",
                    "Half of the time " + name +
                        (median < 1 ? " did less than 1 message a second."
                                    : " did more than " + per_second_text(median) + "."));

  if (!page.keys.empty()) {
    const key_figures& hot = page.keys.front();
    said.emplace_back("keys", "A handler of " + key_text(r, hot.key) + " ran " +
                                  percent_text(hot.busy) + " of the time in " + page.keys_of +
                                  (r.trace.shared == 0
                                       ? "; a key that comes near 100 % can do no more in order."
                                       : "; shared messages of a key count each for itself."));
    said.emplace_back("hot", "The busiest keys, in " + page.keys_of + " with " +
                                 plural(page.keys_workers, "worker") +
                                 ": where the 99th percentile stands out, messages wait for "
                                 "their own key.");
  }
  if (const share_of_keys* half = half_of_work(page))
    said.emplace_back("concentration",
                      plural(half->keys, "key") + " of " + count_text(r.trace.keys) +
                          (half->keys == 1 ? " has " : " have ") + percent_text(half->work) +
                          " of the work and " + percent_text(half->messages) + " of the messages.");
  if (page.predicted) {
    said.emplace_back("workers", how_many_workers(r, page) +
                                     " Where the lines lie flat, keys limit the run, or the pace "
                                     "of the input.");
    said.emplace_back("what_if", what_would_help(r, *page.predicted));
  }
  for (auto& [chart, words] : said)
    words = sentence(std::move(words));
  return said;
}

} // namespace convoy::tool
