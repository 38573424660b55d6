#pragma once

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace convoy::test {

/// A process that is killed, and this end of its pipe. It is this program once more, with one test of it (fork
/// alone would leave it without TBB's threads) and with some variables in its environment.
class killed_process {
public:
  killed_process(const std::string& test, std::vector<std::string> variables) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
      std::abort();
    std::vector<char*> environment;
    for (auto& variable : variables)
      environment.push_back(variable.data());
    for (char** inherited = environ; *inherited != nullptr; ++inherited)
      environment.push_back(*inherited);
    environment.push_back(nullptr);
    std::string name = "killed";
    std::string filter = "--gtest_filter=" + test;
    const std::array<char*, 3> arguments{name.data(), filter.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], pipe_descriptor);
    if (::posix_spawn(&process_, "/proc/self/exe", &actions, nullptr, arguments.data(),
                      environment.data()) != 0)
      std::abort();
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  ~killed_process() {
    kill();
    ::close(pipe_);
  }
  killed_process(const killed_process&) = delete;
  killed_process& operator=(const killed_process&) = delete;

  /// In the process: to the one that listens. News are small, so they are never in part.
  template <class News>
  static void tell(const News& news) {
    if (::write(pipe_descriptor, &news, sizeof news) != sizeof news)
      std::_Exit(1); // nobody listens
  }

  void kill() {
    if (process_ == 0)
      return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }

  /// False: it is dead, and all that it told was listened to.
  template <class News>
  [[nodiscard]] bool listen(News& news) const {
    return ::read(pipe_, &news, sizeof news) == sizeof news;
  }

private:
  static constexpr int pipe_descriptor = 9; // in the process

  pid_t process_ = 0;
  int pipe_ = -1;
};

} // namespace convoy::test
