#pragma once

// An instance behind a broker, for the tests: appends a line to a file for each record that its handler has handled,
// "key partition offset begin end instance", times on CLOCK_MONOTONIC in nanoseconds; and one for each that it has begun.
// SIGTERM and SIGINT end it in good order; then it prints its account.

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/source.hpp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace brokers {

inline std::atomic<void (*)()> stop_running{nullptr};
inline std::atomic<bool> is_ended{false};

extern "C" inline void on_signal(int) {
  is_ended = true;
  if (auto* const stop = stop_running.load())
    stop();
}

inline std::int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

/// One write for a line, so that a kill leaves at most the last one half.
inline void append(int file, const std::string& line) {
  if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    std::abort();
}

/// Where a record has its line in the file.
struct named_record {
  std::string key, partition, offset;
};

/// What every worker is told. Its broker's options besides are added to `app`.
template <class Consumer>
struct worker {
  using options = typename Consumer::options;

  explicit worker(const char* what) : app(what) {
    app.add_option("--log", log_)->required();
    app.add_option("--instance", instance_);
    app.add_option("--workers", workers_);
    app.add_option("--work-us", work_us_, "a handler sleeps so long");
    app.add_option("--poison", poison_, "records with this value fail");
    app.add_option("--attempts", attempts_);
    app.add_option("--commit", commit_s_);
    app.add_option("--finish", finish_s);
    app.add_option("--blocked", blocked_s_);
    app.add_option("--records", consumer.in_flight.records);
    app.add_option("--set", pairs_, "NAME=VALUE, of the consumer's settings");
  }

  /// Its whole life: the exit status. `complete` sets what is left of the options, name_of(key, record)
  /// the line.
  template <class Record, class Complete, class NameOf>
  int run(int argc, char** argv, Complete complete, NameOf name_of) try {
    std::signal(SIGTERM, on_signal);
    std::signal(SIGINT, on_signal);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
      return app.exit(wrong);
    }
    set_options();
    complete();
    const int file = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0)
      throw std::runtime_error("can't open " + log_);
    convoy::runtime rt{{.concurrency = workers_}};
    Consumer c{rt,
               [&](const std::string& key, Record& r) {
                 const named_record its = name_of(key, r);
                 const auto line = [&, begin = now_ns()](std::int64_t end) {
                   append(file, its.key + '\t' + its.partition + '\t' + its.offset + '\t' +
                                    std::to_string(begin) + '\t' +
                                    (end == 0 ? "-" : std::to_string(end)) + '\t' + instance_ +
                                    '\n');
                 };
                 line(0);
                 if (work_us_ > 0)
                   std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(work_us_));
                 if (!poison_.empty() && r.value() == poison_)
                   throw std::runtime_error("poison");
                 line(now_ns());
               },
               consumer};
    running_ = &c;
    stop_running = [] { running_->stop(); };
    if (is_ended)
      c.stop();
    const auto account = c.run();
    stop_running = nullptr;
    std::cout << "{\"read\": " << account.read << ", \"handled\": " << account.handled
              << ", \"dead_letters\": " << account.dead_letters
              << ", \"given_back\": " << account.given_back
              << ", \"passed_over\": " << account.passed_over << "}\n";
    return 0;
  } catch (const std::exception& wrong) {
    std::cerr << wrong.what() << '\n';
    return 1;
  }

  CLI::App app;
  options consumer;
  double finish_s = 5;

private:
  void set_options() {
    for (const auto& each : pairs_)
      consumer.settings[each.substr(0, each.find('='))] = each.substr(each.find('=') + 1);
    consumer.commit.every = std::chrono::duration<double>(commit_s_);
    consumer.blocked.after = std::chrono::duration<double>(blocked_s_);
    if (attempts_ > 1)
      consumer.failure = convoy::failure_policy{.attempts = attempts_};
  }

  static inline Consumer* running_ = nullptr;
  std::string log_, instance_ = std::to_string(::getpid()), poison_;
  unsigned workers_ = 4, attempts_ = 1;
  double work_us_ = 0, commit_s_ = 0.2, blocked_s_ = 600;
  std::vector<std::string> pairs_;
};

} // namespace brokers
