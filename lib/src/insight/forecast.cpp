#include "convoy/detail/insight/forecasting.hpp"
#include "convoy/detail/insight/simulation.hpp"
#include "convoy/time_span.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace convoy::detail {

namespace {

/// Simulated, at most: more messages of a backlog go several at a time.
constexpr std::size_t most_simulated = 1'000'000;
constexpr std::size_t simulated_arrivals = 200'000, warm_up = simulated_arrivals / 4;

/// A key as it would be.
struct supposed_key {
  double per_second = 0;
  double handler_ns = 0;
  std::uint64_t backlog = 0;
  double shared = 0, shared_work = 0; // see known_load::key

  [[nodiscard]] double shared_ns() const {
    return shared > 0 ? handler_ns * shared_work / shared : 0;
  }
  [[nodiscard]] double exclusive_ns() const {
    return shared < 1 ? handler_ns * (1 - shared_work) / (1 - shared) : 0;
  }
  /// Whether the next one is.
  [[nodiscard]] bool draws_shared(std::mt19937_64& random) const {
    return shared > 0 && std::bernoulli_distribution(std::min(shared, 1.0))(random);
  }
};

double work_of(const supposed_key& key) {
  return key.per_second * key.handler_ns;
}

/// What it needs, however many workers there are: exclusive ones, and of the runs of shared ones
/// between them one each.
double span_of(const supposed_key& key) {
  return key.per_second * (1 - key.shared) * (key.exclusive_ns() + key.shared * key.shared_ns());
}

/// Of messages of a key, one after the other, as span_of().
class key_span {
public:
  void add(double ns, bool is_shared) {
    if (is_shared) {
      run_ = std::max(run_, ns);
    } else {
      done_ += run_ + ns;
      run_ = 0;
    }
  }
  [[nodiscard]] double ns() const { return done_ + run_; }

private:
  double done_ = 0, run_ = 0; // the longest of the last run
};

/// Handler times by the window's histogram, whose mean is made 1.
class handler_times {
public:
  explicit handler_times(const time_histogram& seen) {
    double sum = 0, weight = 0;
    seen.for_each([&](double ns, double count) {
      values_.push_back(ns);
      weights_.push_back(count);
      sum += ns * count;
      weight += count;
    });
    if (values_.empty() || sum <= 0)
      values_ = weights_ = {1};
    else
      for (auto& value : values_)
        value *= weight / sum;
    draw_ = std::discrete_distribution<std::size_t>(weights_.begin(), weights_.end());
  }

  [[nodiscard]] double operator()(std::mt19937_64& random, double mean) {
    return mean * values_[draw_(random)];
  }

private:
  std::vector<double> values_, weights_;
  std::discrete_distribution<std::size_t> draw_;
};

/// All keys, of some of which nothing is known.
class supposed_keys {
public:
  supposed_keys(const known_load& load, const known_backlog& backlog) {
    add_known(load);
    add_rest(load);
    add_backlog(backlog);
    // More comes than is finished: it belongs to those who have a backlog. Or less, of each.
    const auto more = load.accepted_per_second - load.finished_per_second;
    const auto factor = more < 0 ? load.accepted_per_second / load.finished_per_second : 1;
    std::uint64_t waiting = 0;
    for (const auto& each : keys_)
      waiting += each.backlog;
    for (auto& each : keys_)
      each.per_second = factor * each.per_second + (more > 0 && waiting != 0
                                                        ? more * static_cast<double>(each.backlog) /
                                                              static_cast<double>(waiting)
                                                        : 0);
  }

  void apply(std::uint64_t hash, const change& wanted) {
    const auto found = index_.find(hash);
    if (found == index_.end())
      return;
    const auto parts = std::max(wanted.split, 1u);
    const auto whole = keys_[found->second];
    const auto part = [&](unsigned which) {
      return supposed_key{whole.per_second / parts, whole.handler_ns / wanted.faster,
                          (whole.backlog + parts - 1 - which) / parts, whole.shared,
                          whole.shared_work};
    };
    keys_[found->second] = part(0);
    for (unsigned which = 1; which < parts; ++which)
      keys_.push_back(part(which));
  }

  [[nodiscard]] const std::vector<supposed_key>& all() const noexcept { return keys_; }
  [[nodiscard]] bool knows(std::uint64_t hash) const { return index_.contains(hash); }

private:
  void add_known(const known_load& load) {
    for (const auto& each : load.keys) {
      index_.emplace(each.hash, keys_.size());
      keys_.push_back(
          {each.finished_per_second, each.handler_ns, 0, each.shared, each.shared_work});
    }
  }

  /// So many that none is larger than half of the smallest that is known.
  void add_rest(const known_load& load) {
    double rest = load.finished_per_second, least = rest, work = rest * load.handler_ns;
    for (const auto& each : keys_) {
      rest -= each.per_second;
      work -= work_of(each);
      least = std::min(least, each.per_second);
    }
    if (rest <= load.finished_per_second / 1000) {
      rest_ns_ = load.handler_ns;
      return;
    }
    rest_ns_ = std::max(work, 0.0) / rest;
    constexpr double most = 1e5;
    const auto count = std::clamp(std::ceil(2 * rest / std::max(least, rest / most)), 1.0, most);
    keys_.insert(keys_.end(), static_cast<std::size_t>(count), {rest / count, rest_ns_});
  }

  void add_backlog(const known_backlog& backlog) {
    if (keys_.empty() && backlog.of_any_keys != 0) // nothing is known
      keys_.push_back({1, rest_ns_});
    double all = 0;
    for (const auto& each : keys_)
      all += each.per_second;
    double share = 0; // those whose keys are not known are as those that came
    std::uint64_t given = 0;
    for (auto& each : keys_) {
      share += all > 0 ? each.per_second / all : 0;
      const auto until = static_cast<std::uint64_t>(
          std::llround(std::min(share, 1.0) * static_cast<double>(backlog.of_any_keys)));
      each.backlog = until - std::min(given, until);
      given = std::max(given, until);
    }
    for (const auto& each : backlog.keys) {
      const auto [found, is_new] = index_.emplace(each.hash, keys_.size());
      if (is_new)
        keys_.push_back({0, rest_ns_});
      keys_[found->second].backlog += each.messages;
    }
  }

  std::vector<supposed_key> keys_;
  std::unordered_map<std::uint64_t, std::size_t> index_; // of those with a hash
  double rest_ns_ = 0;
};

std::chrono::nanoseconds in_time(double ns) {
  constexpr double century = 3.2e18;
  return std::chrono::nanoseconds(ns > 0 ? std::llround(std::min(ns, century)) : 0); // NaN: 0
}

/// In the order in which its keys' messages came, were they evenly mixed.
void predict_backlog(const std::vector<supposed_key>& keys, handler_times& times, unsigned workers,
                     forecast& told) {
  const auto at_a_time = told.backlog / most_simulated + 1;
  std::vector<std::pair<double, std::uint32_t>> order;
  for (std::uint32_t key = 0; key < keys.size(); ++key) {
    const auto steps = (keys[key].backlog + at_a_time - 1) / at_a_time;
    for (std::uint64_t i = 0; i < steps; ++i)
      order.emplace_back((static_cast<double>(i) + 0.5) / static_cast<double>(steps), key);
  }
  std::ranges::stable_sort(order, {}, &std::pair<double, std::uint32_t>::first);
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> left;
  std::ranges::transform(keys, std::back_inserter(left), &supposed_key::backlog);
  std::vector<simulated_message> messages;
  messages.reserve(order.size());
  const auto most = static_cast<std::int64_t>(order.size() + 1);
  const auto longest_message = std::chrono::nanoseconds::max().count() / (2 * most);
  std::vector<key_span> spans(keys.size());
  double work = 0;
  for (const auto& [place, key] : order) {
    const auto count = std::min<std::uint64_t>(left[key], at_a_time);
    left[key] -= count;
    const bool is_shared = keys[key].draws_shared(random);
    const auto mean = is_shared ? keys[key].shared_ns() : keys[key].exclusive_ns();
    const double ns = count == 1 ? times(random, mean) : static_cast<double>(count) * mean;
    const auto takes = std::min(in_time(ns).count(), longest_message);
    spans[key].add(static_cast<double>(takes), is_shared);
    work += static_cast<double>(takes);
    messages.push_back({0, takes, key, is_shared});
  }
  double longest = 0;
  for (const auto& each : spans)
    longest = std::max(longest, each.ns());
  std::vector<simulated_times> seen(messages.size());
  simulate(messages, static_cast<std::uint32_t>(keys.size()), workers, seen);
  std::chrono::nanoseconds makespan{0};
  for (const auto& each : seen)
    makespan = std::max(makespan, std::chrono::nanoseconds(each.done));
  told.makespan = makespan;
  told.bound = std::min(in_time(std::max(work / workers, longest)), makespan); // but for rounding
}

/// Poisson arrivals.
void predict_latency(const std::vector<supposed_key>& keys, handler_times& times, unsigned workers,
                     forecast& told) {
  double work = 0, longest = 0, per_second = 0;
  std::vector<double> rates;
  for (const auto& key : keys) {
    per_second += key.per_second;
    work += work_of(key);
    longest = std::max(longest, span_of(key));
    rates.push_back(key.per_second);
  }
  constexpr double second = 1e9;
  const auto load = std::max(work / workers, longest) / second;
  told.load = load;
  if (longest > 0)
    told.speedup_ceiling = work / longest;
  constexpr double longest_simulated = 1e9; // seconds
  if (!(load < 1) || per_second * longest_simulated < simulated_arrivals)
    return;
  std::mt19937_64 random(2);
  std::discrete_distribution<std::uint32_t> which(rates.begin(), rates.end());
  std::exponential_distribution<double> gap(per_second / second);
  std::vector<simulated_message> messages;
  messages.reserve(simulated_arrivals);
  double at = 0;
  for (std::size_t i = 0; i < simulated_arrivals; ++i) {
    at += gap(random);
    const auto key = which(random);
    const bool is_shared = keys[key].draws_shared(random);
    const auto mean = is_shared ? keys[key].shared_ns() : keys[key].exclusive_ns();
    messages.push_back({in_time(at).count(), in_time(times(random, mean)).count(), key, is_shared});
  }
  std::vector<simulated_times> seen(messages.size());
  simulate(messages, static_cast<std::uint32_t>(keys.size()), workers, seen);
  time_histogram latency;
  for (std::size_t i = warm_up; i < seen.size(); ++i)
    latency.add(seen[i].done - messages[i].arrival_ns, 1);
  told.latency = latency.figures();
}

} // namespace

void check(const change& wanted) {
  constexpr const char* what = "convoy::processor::what_if: ";
  if (!(wanted.faster >= 1e-6 && wanted.faster <= 1e6))
    refuse(std::string(what) + "faster", "0.000001 to 1000000", std::to_string(wanted.faster));
  if (wanted.split < 1 || wanted.split > 65536)
    refuse(std::string(what) + "split", "1 to 65536", std::to_string(wanted.split));
  if (wanted.workers > 4095)
    refuse(std::string(what) + "workers", "at most 4095", std::to_string(wanted.workers));
}

forecast predict(const known_load& load, const known_backlog& backlog, std::uint64_t hash,
                 const change& wanted, unsigned workers) {
  forecast told;
  told.workers = wanted.workers != 0 ? wanted.workers : workers;
  told.window = load.window;
  supposed_keys keys(load, backlog);
  told.is_known = keys.knows(hash);
  keys.apply(hash, wanted);
  for (const auto& key : keys.all())
    told.backlog += key.backlog;
  if (load.window.count() == 0) // no handler has ended
    return told;
  handler_times times(load.handler);
  predict_backlog(keys.all(), times, told.workers, told);
  predict_latency(keys.all(), times, told.workers, told);
  return told;
}

} // namespace convoy::detail
