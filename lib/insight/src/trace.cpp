#include "convoy/insight/trace.hpp"

#include "packets.hpp"
#include "perfetto.hpp"
#include "rows.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace convoy {

namespace {

using namespace detail::perfetto;

constexpr std::size_t most_label = 200; // characters
constexpr std::size_t most_rows = 1000; // of one reason to wait: a viewer becomes slow by more

/// 0 … all.size() - 1, sorted by key(element).
template <class Element, class Key>
std::vector<std::uint32_t> sorted(const std::vector<Element>& all, Key&& key) {
  std::vector<std::uint32_t> order(all.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(key(all[a]), a) < std::pair(key(all[b]), b);
  });
  return order;
}

fields named(std::string_view text) {
  fields descriptor;
  descriptor.text(track_name, text);
  return descriptor;
}

/// What is the same for all recordings of a trace.
struct used_ids {
  std::uint64_t names = 0, flows = 0;
  unsigned processes = 0, threads = 0;
};

class process_writer {
public:
  process_writer(packets& out, const recording& of, used_ids& used)
      : out_(out), of_(of), used_(used), iids_(of.labels.size(), 0) {}

  void write() {
    describe();
    write_workers();
    write_holds();
    write_levels();
    fields more;
    more.text(event_name, "recording");
    more.append(annotation(workers_iid, of_.workers));
    if (of_.joined.count() >= 0)
      more.append(annotation(joined_iid, static_cast<std::uint64_t>(of_.joined.count())));
    if (of_.dropped != 0)
      more.append(annotation(dropped_iid, of_.dropped));
    if (hidden_ != 0)
      more.append(annotation(hidden_iid, hidden_));
    out_.event(time(0), process_, type_instant, more);
  }

private:
  /// As the clock of the recording has it.
  [[nodiscard]] std::uint64_t time(std::int64_t at) const {
    const std::chrono::nanoseconds begin = of_.begin.time_since_epoch();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(begin.count(), 0)) +
           static_cast<std::uint64_t>(std::max<std::int64_t>(at, 0));
  }

  void describe() {
    pid_ = ++used_.processes;
    fields process, descriptor;
    process.number(process_pid, pid_);
    process.text(process_name,
                 of_.name.empty() ? "processor" : detail::one_line(of_.name, most_label));
    descriptor.message(track_process, process);
    descriptor.number(track_child_ordering, child_ordering_explicit);
    process_ = out_.track(0, descriptor);
  }

  std::uint64_t describe_worker(std::uint64_t worker) {
    constexpr unsigned above_all_processes =
        1'000'000; // the thread with its process's id is the main one
    const auto name = "worker " + std::to_string(worker);
    fields thread;
    thread.number(thread_pid, pid_);
    thread.number(thread_tid, above_all_processes + ++used_.threads);
    thread.text(thread_name, name);
    auto descriptor = named(name);
    descriptor.message(track_thread, thread);
    return out_.track(process_, descriptor);
  }

  /// The label's iid, as a field of an event; `names` gets it if it is new.
  fields name(std::uint32_t label, fields& names) {
    fields more;
    if (label >= iids_.size()) { // a mistake of who has filled it in
      more.text(event_name, "?");
      return more;
    }
    auto& iid = iids_[label];
    if (iid == 0) {
      iid = ++used_.names;
      const auto& text = of_.labels[label];
      names.message(
          interned_event_names,
          packets::name(iid, text.empty() ? "(empty)" : detail::one_line(text, most_label)));
    }
    more.number(event_name_iid, iid);
    return more;
  }

  void slice(std::uint64_t track, std::int64_t begin, std::int64_t end, const fields& more,
             const fields& names) {
    out_.event(time(begin), track, type_slice_begin, more, names);
    out_.event(time(std::max(begin, end)), track, type_slice_end);
  }

  /// Intervals of one group, each beginning no earlier than the one before, go to tracks that are
  /// made as they are needed. 0: there would be too many.
  template <class Describe>
  std::uint64_t track_for(std::int64_t begin, std::int64_t end, detail::rows& group,
                          std::vector<std::uint64_t>& tracks, Describe&& describe) {
    const auto row = group.place(begin, std::max(begin, end));
    if (row >= most_rows) {
      ++hidden_;
      return 0;
    }
    while (tracks.size() <= row)
      tracks.push_back(describe(tracks.size()));
    return tracks[row];
  }

  void write_workers() {
    const auto order = sorted(of_.slices, [](const recording::slice& s) {
      return std::tuple(s.worker, s.begun, s.ended);
    });
    find_flows();
    auto next = order.begin();
    for (std::uint64_t worker = 0; worker < of_.workers || next != order.end(); ++worker) {
      if (worker >= of_.workers) // more than it has: only those that are there
        worker = of_.slices[*next].worker;
      detail::rows group;
      std::vector<std::uint64_t> tracks{describe_worker(worker)};
      for (; next != order.end() && of_.slices[*next].worker == worker; ++next) {
        const auto& s = of_.slices[*next];
        const auto track = track_for(s.begun, s.ended, group, tracks, [&](std::size_t) {
          return out_.track(process_, named("worker " + std::to_string(worker) + ", at once"));
        });
        if (track != 0)
          write_slice(track, *next);
      }
    }
  }

  void write_slice(std::uint64_t track, std::uint32_t index) {
    const auto& s = of_.slices[index];
    fields names;
    auto more = name(s.label, names);
    more.append(annotation(messages_iid, s.messages));
    if (s.attempt > 1)
      more.append(annotation(attempt_iid, s.attempt));
    if (s.failed)
      more.append(annotation(failed_iid, 1));
    if (!flow_from_.empty() && flow_from_[index] != 0)
      more.fixed64(event_flow_ids, flow_from_[index]);
    if (!flow_to_.empty() && flow_to_[index] != 0)
      more.fixed64(event_terminating_flow_ids, flow_to_[index]);
    slice(track, s.begun, s.ended, more, names);
  }

  /// From each slice that failed to the next of its key, if that says that it tries again.
  void find_flows() {
    const auto& all = of_.slices;
    if (std::none_of(all.begin(), all.end(), [](const auto& s) { return s.failed; }))
      return;
    flow_from_.resize(all.size());
    flow_to_.resize(all.size());
    const auto order = sorted(
        all, [](const recording::slice& s) { return std::tuple(s.label, s.begun, s.ended); });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const auto &before = all[order[i - 1]], &after = all[order[i]];
      if (before.failed && after.attempt > 1 && before.label == after.label)
        flow_from_[order[i - 1]] = flow_to_[order[i]] = ++used_.flows;
    }
  }

  void write_holds() {
    const auto order = sorted(
        of_.holds, [](const recording::hold& h) { return std::tuple(h.reason, h.begin, h.end); });
    detail::rows group;
    std::vector<std::uint64_t> tracks;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto& h = of_.holds[order[i]];
      if (i != 0 && of_.holds[order[i - 1]].reason != h.reason) {
        group = {};
        tracks.clear();
      }
      const auto track = track_for(h.begin, h.end, group, tracks, [&](std::size_t) {
        // Those of one name are shown as one.
        return out_.track(process_, named(std::string("keys that wait: ") + to_string(h.reason)));
      });
      if (track == 0)
        continue;
      fields names;
      auto more = name(h.label, names);
      if (h.attempts != 0)
        more.append(annotation(attempts_iid, h.attempts));
      slice(track, h.begin, h.end, more, names);
    }
  }

  void write_levels() {
    if (of_.levels.empty())
      return;
    write_counter("backlog", [](const recording::level& l) { return l.backlog; });
    write_counter("keys that run", [](const recording::level& l) { return l.running; });
    write_counter("keys that wait for a worker",
                  [](const recording::level& l) { return l.waiting; });
  }

  /// Only where it changes.
  template <class Value>
  void write_counter(const char* name, Value&& value) {
    fields counter;
    counter.number(counter_unit, unit_count);
    auto descriptor = named(name);
    descriptor.message(track_counter, counter);
    const auto track = out_.track(process_, descriptor);
    for (std::size_t i = 0; i < of_.levels.size(); ++i) {
      const std::uint64_t is = value(of_.levels[i]);
      if (i != 0 && is == value(of_.levels[i - 1]))
        continue;
      fields more;
      more.number(event_counter_value, is);
      out_.event(time(of_.levels[i].at), track, type_counter, more);
    }
  }

  packets& out_;
  const recording& of_;
  used_ids& used_;
  std::vector<std::uint64_t> iids_; // of labels; 0: not yet
  std::vector<std::uint64_t> flow_from_, flow_to_;
  unsigned pid_ = 0;
  std::uint64_t process_ = 0;
  std::uint64_t hidden_ = 0;
};

} // namespace

void write_trace(std::ostream& out, std::span<const recording> of) {
  packets all(out);
  used_ids used;
  for (const auto& each : of)
    process_writer(all, each, used).write();
}

void write_trace(std::ostream& out, const recording& of) {
  write_trace(out, std::span(&of, 1));
}

} // namespace convoy
