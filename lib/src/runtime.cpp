#include "convoy/runtime.hpp"

#include "convoy/detail/insight/insight.hpp"
#include "platform/sanitizers.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace convoy {

namespace {

unsigned checked(unsigned concurrency) {
  constexpr unsigned most = 4095; // what the scheduler's idle word can count
  if (concurrency > most)
    throw std::invalid_argument("convoy::runtime: concurrency must be at most 4095, and is " +
                                std::to_string(concurrency));
  return concurrency != 0 ? concurrency : std::clamp(std::thread::hardware_concurrency(), 1u, most);
}

} // namespace

#ifdef CONVOY_INSTRUMENTED // how the workers get the scheduler is seen
runtime::runtime(const options& wanted) : scheduler_(checked(wanted.concurrency)) {}
#else // a temporary lives until the member is made
runtime::runtime(const options& wanted)
    : scheduler_((detail::no_write(), checked(wanted.concurrency))) {}
#endif

std::vector<snapshot> runtime::snapshot() const {
  std::deque<detail::pinned_insight> pinned; // as take() calls what may itself take the list's lock
  scheduler_.each_insight([&](detail::insight_base& each) { pinned.emplace_back(&each); });
  std::vector<convoy::snapshot> all;
  all.reserve(pinned.size());
  for (const auto& each : pinned)
    all.push_back(each->take());
  return all;
}

std::optional<explanation> runtime::explain(std::string_view processor, std::string_view key,
                                            time_span within) const {
  scheduler_.refuse_to_wait();
  const auto until = detail::later(
      detail::clock::now(), detail::not_negative("convoy::runtime::explain: the time", within));
  std::optional<explanation> why;
  for (std::size_t nth = 0;; ++nth) {
    const auto each = scheduler_.pin_insight(nth); // that one can't go meanwhile
    if (!each || (why && why->state != key_state::idle))
      break;
    if (each->name() != processor)
      continue;
    if (auto is = each->explain(key, until); is && (!why || is->state != key_state::idle))
      why = std::move(is);
  }
  return why;
}

std::vector<recording> runtime::record(time_span length, std::size_t most,
                                       const std::stop_token& stop) const {
  scheduler_.refuse_to_wait();
  const auto until = detail::later(
      detail::clock::now(), detail::not_negative("convoy::runtime::record: the time", length));
  auto turn = scheduler_.try_recording();
  for (; !turn; turn = scheduler_.try_recording()) {
    if (stop.stop_requested())
      return {};
    detail::sleep_for(detail::tuning::between_recorded_levels);
  }
  std::vector<convoy::recording> all;
  const auto end = [&] {
    scheduler_.each_insight([](detail::insight_base& each) { each.stop_recording(); });
  };
  try {
    scheduler_.each_insight([&](detail::insight_base& each) { each.start_recording(most); });
    for (auto now = detail::clock::now(); now < until && !stop.stop_requested();
         now = detail::clock::now()) {
      detail::sleep_for(
          std::min<detail::clock::duration>(until - now, detail::tuning::between_recorded_levels));
      scheduler_.each_insight([](detail::insight_base& each) { each.record_level(); });
    }
    end();
    scheduler_.each_insight([&](detail::insight_base& each) { each.give_recording(all); });
  } catch (...) {
    end();
    throw;
  }
  return all;
}

} // namespace convoy
