#include "single_steps.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace costs {
namespace {

using counter = std::atomic<std::uint64_t>;

/// Memory that the program and its copy see.
counter* map_shared(int file) {
  void* const at = mmap(nullptr, sizeof(counter), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  return at == MAP_FAILED ? nullptr : static_cast<counter*>(at);
}

counter* steps = nullptr;
std::atomic<std::int64_t> first_mark{0}; // when; 0: not yet

/// The copy. All its threads may ask to be traced; one does.
class copy {
public:
  explicit copy(const std::string& name)
      : file_(memfd_create("steps", 0)),
        steps_(ftruncate(file_, sizeof(counter)) == 0 ? map_shared(file_) : nullptr),
        process_(fork()) {
    (void)sched_getaffinity(0, sizeof before_, &before_);
    if (process_ == 0) {
      const auto argument = "--case=" + name, file = std::to_string(file_);
      execl("/proc/self/exe", "costs", argument.c_str(), file.c_str(), nullptr);
      _exit(127);
    }
  }
  copy(const copy&) = delete;
  copy& operator=(const copy&) = delete;
  ~copy() {
    kill(process_, SIGKILL);
    (void)sched_setaffinity(0, sizeof before_, &before_); // the next copy has it from us
    int status = 0;
    while (waitpid(-1, &status, __WALL) > 0) {
    }
    if (steps_ != nullptr)
      munmap(steps_, sizeof(counter));
    close(file_);
  }

  /// The signal with which the traced thread has stopped; 0: the copy has ended.
  [[nodiscard]] int wait() {
    int status = 0;
    do
      thread_ = waitpid(-1, &status, __WALL);
    while (thread_ == -1 && errno == EINTR);
    return thread_ != -1 && WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
  }

  [[nodiscard]] bool step(int signal) {
    steps_->store(++count_, std::memory_order_relaxed);
    return ptrace(PTRACE_SINGLESTEP, thread_, nullptr, passed_on(signal)) == 0;
  }

  /// The thread that has stopped runs where we do: then a step wakes nobody on another core.
  void stay_together() noexcept {
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &here);
    (void)sched_setaffinity(0, sizeof here, &here);
    (void)sched_setaffinity(thread_, sizeof here, &here);
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] bool can_count() const noexcept { return steps_ != nullptr; }

private:
  static void* passed_on(int signal) { // the marks' and the steps' are not
    return signal == SIGSTOP || signal == SIGTRAP ? nullptr
                                                  : reinterpret_cast<void*>(std::intptr_t{signal});
  }

  const int file_;
  counter* const steps_;
  const pid_t process_;
  cpu_set_t before_{};
  pid_t thread_ = -1;
  std::uint64_t count_ = 0;
};

std::int64_t now() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

} // namespace

std::optional<std::uint64_t> count_instructions(const std::string& name) {
  copy traced(name);
  if (!traced.can_count() || traced.wait() != SIGSTOP)
    return std::nullopt;
  traced.stay_together();
  for (int signal = SIGSTOP;;) {
    if (!traced.step(signal))
      return std::nullopt;
    signal = traced.wait();
    if (signal == SIGSTOP)
      return traced.count();
    if (signal == 0)
      return std::nullopt;
  }
}

void share_count(int argc, char** argv) {
  steps = argc > 2 ? map_shared(std::atoi(argv[2])) : nullptr;
  if (steps == nullptr)
    _exit(1);
}

void mark() {
  static thread_local bool is_counted = false;
  if (!is_counted) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
      _exit(1);
    is_counted = true;
    first_mark = now();
  }
  syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP);
}

std::int64_t time_while_counted(std::int64_t real) noexcept {
  const auto begin = first_mark.load(std::memory_order_relaxed);
  return begin == 0 ? real
                    : begin + static_cast<std::int64_t>(steps->load(std::memory_order_relaxed) / 3);
}

} // namespace costs
