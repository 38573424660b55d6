#include "consume/command.hpp"

#include "consume/environment.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace convoy::tool {
namespace {

constexpr int first_of_others = 3; // after stdin, stdout and stderr

/// A file in memory.
class memory_file {
public:
  memory_file() : descriptor_{::memfd_create("value", MFD_CLOEXEC)} {}
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  ~memory_file() {
    if (descriptor_ >= 0)
      ::close(descriptor_);
  }

  /// To be read from the front. 0, or the error.
  [[nodiscard]] int fill(std::string_view value) const {
    if (descriptor_ < 0)
      return errno;
    while (!value.empty()) {
      const ssize_t written = ::write(descriptor_, value.data(), value.size());
      if (written < 0 && errno != EINTR)
        return errno;
      value.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    return ::lseek(descriptor_, 0, SEEK_SET) == 0 ? 0 : errno;
  }

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
  int descriptor_;
};

/// What a command is started with.
class spawning {
public:
  spawning() {
    if (::posix_spawn_file_actions_init(&actions_) != 0)
      throw std::bad_alloc();
    if (::posix_spawnattr_init(&attributes_) != 0) {
      ::posix_spawn_file_actions_destroy(&actions_);
      throw std::bad_alloc();
    }
  }
  spawning(const spawning&) = delete;
  spawning& operator=(const spawning&) = delete;
  ~spawning() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }

  /// The program ignores signals that a command should not, which would be inherited. Files that
  /// libraries have open without O_CLOEXEC would be, too.
  [[nodiscard]] int prepare(int its_stdin, const sigset_t& mask) {
    sigset_t ignored;
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    sigaddset(&ignored, SIGXFSZ);
    int error = ::posix_spawn_file_actions_adddup2(&actions_, its_stdin, STDIN_FILENO);
    if (error == 0)
      error = ::posix_spawn_file_actions_addclosefrom_np(&actions_, first_of_others);
    if (error == 0)
      error = ::posix_spawnattr_setsigdefault(&attributes_, &ignored);
    if (error == 0)
      error = ::posix_spawnattr_setsigmask(&attributes_, &mask);
    if (error == 0)
      error = ::posix_spawnattr_setpgroup(&attributes_, 0);
    if (error == 0)
      error = ::posix_spawnattr_setflags(
          &attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    return error;
  }

  [[nodiscard]] int start(pid_t& id, const std::vector<std::string>& words,
                          const std::vector<std::string>& inherited,
                          const std::vector<std::string>& variables) {
    std::vector<char*> arguments, environment;
    const auto add = [](std::vector<char*>& to, const std::vector<std::string>& from) {
      for (const std::string& each : from)
        to.push_back(const_cast<char*>(each.c_str())); // it is only read
    };
    add(arguments, words);
    add(environment, variables);
    add(environment, inherited);
    arguments.push_back(nullptr);
    environment.push_back(nullptr);
    return ::posix_spawnp(&id, words.front().c_str(), &actions_, &attributes_, arguments.data(),
                          environment.data());
  }

private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

} // namespace

command_runner::command_runner(std::vector<std::string> words,
                               std::optional<std::chrono::nanoseconds> timeout,
                               std::size_t most_at_once)
    : words_{std::move(words)}, inherited_{inherited_variables()}, timeout_{timeout},
      groups_(most_at_once) {
  running_.reserve(most_at_once); // nothing may throw once a command runs
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
}

int command_runner::start(std::string_view value, const std::vector<std::string>& variables,
                          process& its) {
  const memory_file in;
  int error = in.fill(value);
  if (error != 0)
    return error;
  spawning with;
  error = with.prepare(in.descriptor(), mask_);
  return error != 0 ? error : with.start(its.id, words_, inherited_, variables);
}

command_end command_runner::run(std::string_view value, const std::vector<std::string>& variables) {
  process its;
  if (const int error = start(value, variables, its); error != 0)
    return {.how = command_end::kind::not_started, .number = error};
  if (timeout_)
    its.deadline = command_clock::now() + *timeout_;
  {
    const std::lock_guard lock{mutex_};
    running_.push_back(its);
    set_group(0, its.id);
  }
  // It stays a zombie, and its id its own, until nobody sends signals to it any more.
  siginfo_t ended{};
  while (::waitid(P_PID, static_cast<id_t>(its.id), &ended, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
  its = take_out(its.id);
  if (its.kill_at)
    ::kill(-its.id, SIGKILL); // what it has started and left behind
  while (::waitpid(its.id, nullptr, 0) < 0 && errno == EINTR) {
  }
  return {.how =
              ended.si_code == CLD_EXITED ? command_end::kind::exited : command_end::kind::killed,
          .number = ended.si_status,
          .timed_out = its.timed_out,
          .was_ended = its.was_ended};
}

command_runner::process command_runner::take_out(pid_t id) {
  const std::lock_guard lock{mutex_};
  const auto found = std::ranges::find(running_, id, &process::id);
  const process its = *found;
  running_.erase(found);
  set_group(id, 0);
  return its;
}

void command_runner::look(time_point now) {
  const std::lock_guard lock{mutex_};
  const bool ends_all = end_all_at_ && now >= *end_all_at_;
  for (process& each : running_) {
    if (each.kill_at) {
      if (now >= *each.kill_at)
        ::kill(-each.id, SIGKILL);
    } else if (ends_all || (each.deadline && now >= *each.deadline)) {
      (ends_all ? each.was_ended : each.timed_out) = true;
      each.kill_at = now + grace;
      ::kill(-each.id, SIGTERM);
    }
  }
}

void command_runner::end_all_at(time_point when) {
  const std::lock_guard lock{mutex_};
  if (!end_all_at_ || when < *end_all_at_)
    end_all_at_ = when;
}

void command_runner::set_group(pid_t from, pid_t to) noexcept {
  for (auto& each : groups_)
    if (each == from) { // there is one: no more than most_at_once run
      each = to;
      return;
    }
}

void command_runner::kill_all() const noexcept {
  static_assert(std::atomic<pid_t>::is_always_lock_free); // or a signal handler could not look
  for (const auto& each : groups_)
    if (const pid_t id = each; id != 0)
      ::kill(-id, SIGKILL);
}

std::size_t command_runner::running() const {
  const std::lock_guard lock{mutex_};
  return running_.size();
}

std::string command_runner::name() const {
  const bool is_for_shell = words_.size() == 3 && words_[1] == "-c";
  return in_quotes(is_for_shell ? words_[2] : words_.front());
}

} // namespace convoy::tool
