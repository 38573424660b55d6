#pragma once

// Runs a command for each record, many at once.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace convoy::tool {

using command_clock = std::chrono::steady_clock;

/// How a command has ended.
struct command_end {
  enum class kind { exited, killed, not_started };
  kind how = kind::exited;
  int number = 0;         ///< exit status, signal, or error of the system
  bool timed_out = false; ///< it had to be told to end
  bool was_ended = false; ///< likewise, by end_all_at()
};

/// Commands run in process groups of their own, so that a Ctrl-C at the terminal reaches this program
/// alone, and what ends one ends all that it has started. They have the program's stdout and stderr,
/// and no other file of it. Stdin is a file in memory, not a pipe: one that does not read it harms
/// nobody, and one that outlives a program that is killed still sees the whole value.
class command_runner {
public:
  using time_point = command_clock::time_point;

  /// `words`: the program, looked for in PATH, and its arguments. Without `timeout` a command may run
  /// for ever.
  command_runner(std::vector<std::string> words, std::optional<std::chrono::nanoseconds> timeout,
                 std::size_t most_at_once);

  /// Waits for it. Any thread. Throws std::bad_alloc.
  command_end run(std::string_view value, const std::vector<std::string>& variables);

  // ---- of the thread that calls look() now and then; commands are told to end there ----

  /// SIGTERM to those whose time is over; SIGKILL so long after, or to what is left of the group when
  /// the command itself has ended.
  static constexpr std::chrono::seconds grace{2};
  void look(time_point now);
  /// All that still run then are told to end.
  void end_all_at(time_point when);
  [[nodiscard]] std::size_t running() const;
  /// SIGKILL to all that run, with what they have started. Any thread, a signal handler's as well.
  void kill_all() const noexcept;

  /// For sentences about it, in quotes: the program, or what the shell is given.
  [[nodiscard]] std::string name() const;

private:
  struct process {
    pid_t id = 0;
    std::optional<time_point> deadline;
    std::optional<time_point> kill_at; ///< it has been told to end
    bool timed_out = false, was_ended = false;
  };

  int start(std::string_view value, const std::vector<std::string>& variables, process& its);
  [[nodiscard]] process take_out(pid_t id);
  void set_group(pid_t from, pid_t to) noexcept;

  std::vector<std::string> words_, inherited_;
  std::optional<std::chrono::nanoseconds> timeout_;
  sigset_t mask_{}; ///< of the thread that made this
  mutable std::mutex mutex_;
  std::vector<process> running_; ///< none of them has been reaped, so that each id is still its own
  std::optional<time_point> end_all_at_;
  std::vector<std::atomic<pid_t>> groups_; ///< of those; 0: none
};

} // namespace convoy::tool
