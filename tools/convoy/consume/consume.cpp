#include "consume/consume.hpp"

#include "consume/source.hpp"
#include "consume/status_line.hpp"
#include "consume/stop_signals.hpp"
#include "strategies/watched.hpp"
#include "text/format.hpp"
#include "text/input_error.hpp"

#include <atomic>
#include <convoy/runtime.hpp>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

namespace convoy::tool {
namespace {

using std::chrono::milliseconds;
using time_point = command_clock::time_point;

double seconds_between(time_point from, time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// The thread beside run(): it tells commands when to end, and run() when to stop.
class monitor {
public:
  monitor(const consume_request& request, command_runner& runner, handling& its,
          record_source& source, status_line& line)
      : request_{request}, runner_{runner}, handling_{its}, source_{source}, line_{line},
        thread_{[this](const std::stop_token& stop) { watch(stop); }} {}

  /// No command begins any more, and those that run are told to end when it is time.
  void stop(std::chrono::nanoseconds finish) {
    handling_.stop();
    runner_.end_all_at(command_clock::now() + finish);
    source_.stop();
  }

  /// What positions were last. When run() has returned.
  [[nodiscard]] std::vector<source_position> join() {
    thread_.request_stop();
    thread_.join();
    return std::move(positions_);
  }

private:
  void watch(const std::stop_token& stop) {
    constexpr milliseconds tick{20}, between_looks{100}, between_draws{500};
    auto next_look = began_, next_draw = began_ + between_draws;
    while (!stop.stop_requested()) {
      const auto now = command_clock::now();
      runner_.look(now);
      look_for_stop();
      if (now >= next_look) {
        look_at_positions();
        next_look = now + between_looks;
      }
      if (now >= next_draw) {
        draw(now);
        next_draw = now + between_draws;
      }
      std::this_thread::sleep_for(tick);
    }
    line_.clear();
  }

  void look_for_stop() {
    if (!is_stopping_ && (stop_signals::count() > 0 || handling_.is_stopping())) {
      is_stopping_ = true;
      stop(request_.finish);
    }
  }

  void look_at_positions() {
    auto now = source_.positions();
    if (!now.empty()) // they are gone when the group is left
      positions_ = std::move(now);
    if (!request_.until_end || is_stopping_ || !source_.has_reached_end(positions_))
      return;
    is_stopping_ = true;
    stop(request_.finish);
  }

  void draw(time_point now) {
    constexpr double smoothing = 0.3; // of the rate
    const command_counts counts = handling_.counts();
    const double rate = static_cast<double>(counts.done - last_done_) /
                        seconds_between(std::exchange(last_draw_, now), now);
    rate_ += smoothing * (rate - rate_);
    last_done_ = counts.done;
    std::uint64_t lag = 0;
    for (const source_position& each : positions_)
      lag += each.lag;
    std::string text = plural(counts.done, "record") + "  " + ratio_text(rate_) + "/s  " +
                       std::to_string(runner_.running()) + " running";
    if (counts.failed > 0)
      text += "  " + plural(counts.failed, "failure");
    if (positions_.empty())
      text += "  no partitions yet";
    else
      text += "  lag " + count_text(lag);
    if (is_stopping_)
      text += "  stopping";
    line_.draw(text);
  }

  const consume_request& request_;
  command_runner& runner_;
  handling& handling_;
  record_source& source_;
  status_line& line_;
  const time_point began_ = command_clock::now();
  time_point last_draw_ = began_;
  std::uint64_t last_done_ = 0;
  double rate_ = 0;
  bool is_stopping_ = false;
  std::vector<source_position> positions_;
  std::jthread thread_; // the last: it uses the others
};

std::unique_ptr<record_source> open_source(runtime& where, const consume_request& request,
                                           handling& its,
                                           const std::function<void(std::string_view)>& report) {
  return request.url.kind == broker_kind::kafka ? open_kafka_source(where, request, its, report)
                                                : open_nats_source(where, request, its, report);
}

consumption run_all(const consume_request& request) {
  status_line line{request.shows_progress};
  const std::function<void(std::string_view)> report = [&line](std::string_view what) {
    line.tell(what);
  };
  runtime where{{.concurrency = request.workers}};
  command_runner runner{request.command, request.timeout, request.workers};
  handling its{runner, request.attempts};
  const auto source = open_source(where, request, its, report);
  if (request.until_end)
    source->note_end();
  watched_door door;
  if (!request.socket.empty())
    door.open(where, request.socket);
  const stop_signals signals{runner};
  const time_point began = command_clock::now();
  consumption result;
  monitor beside{request, runner, its, *source, line};
  // Commands may outlive run(), if their partition was taken away or run() has thrown; somebody must
  // be there to tell them to end.
  const auto wait_for_commands = [&runner] {
    while (runner.running() > 0)
      std::this_thread::sleep_for(milliseconds{10});
  };
  try {
    result.account = source->run();
  } catch (...) {
    beside.stop(std::chrono::nanoseconds{0});
    wait_for_commands();
    throw;
  }
  wait_for_commands();
  auto last = beside.join();
  result.seconds = seconds_between(began, command_clock::now());
  result.commands = its.counts();
  result.trouble = its.trouble();
  result.signal = stop_signals::first();
  result.positions = source->committed(std::move(last));
  return result;
}

} // namespace

consumption consume(const consume_request& request) try {
  return run_all(request);
} catch (const input_error& error) {
  throw input_error{request.url.shown() + ": " + error.what()};
}

} // namespace convoy::tool
