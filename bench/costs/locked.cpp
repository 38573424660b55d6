#include "costs/locked.hpp"

#include "harness/sanitized.hpp"

#include <array>
#include <csignal>
#include <cstring>
#include <map>
#include <string>
#include <unordered_map>

#if defined(__linux__) && defined(__x86_64__) && !defined(CONVOY_BENCH_SANITIZED)

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {
namespace {

std::map<std::string, std::function<void()>> cases;
constexpr auto option = "--traced="; // for the copy only

/// Whether the instruction is a read-modify-write that locks: it has a lock prefix, or exchanges
/// with memory, which locks without one. Intel's manual, volume 2, 2.1.
bool is_locked(const std::array<unsigned char, 16>& code) {
  const auto is_prefix = [](unsigned char byte) {
    return std::strchr("\x66\x67\xf2\xf3\x2e\x36\x3e\x26\x64\x65", byte) != nullptr && byte != 0;
  };
  std::size_t at = 0;
  for (; at < 14 && (is_prefix(code[at]) || code[at] == 0xf0); ++at)
    if (code[at] == 0xf0)
      return true;
  if ((code[at] & 0xf0) == 0x40) // REX
    ++at;
  const bool exchanges = code[at] == 0x86 || code[at] == 0x87;
  return exchanges && (code[at + 1] >> 6) != 3;
}

class tracee {
public:
  explicit tracee(const std::string& subject) {
    const auto argument = option + subject;
    id_ = fork();
    if (id_ == 0) {
      execl("/proc/self/exe", "convoy_costs", argument.c_str(), nullptr);
      _exit(127);
    }
  }
  tracee(const tracee&) = delete;
  tracee& operator=(const tracee&) = delete;
  ~tracee() {
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }

  /// False if it ended instead.
  bool run_to_mark() {
    for (int signal = 0; wait(signal); ptrace(PTRACE_CONT, id_, nullptr, passed_on(signal)))
      if (signal == SIGSTOP)
        return true;
    return false;
  }

  /// Locked instructions up to the next mark; negative if it ended instead.
  std::int64_t count() {
    std::int64_t found = 0;
    int signal = SIGTRAP;
    do {
      found += locked_here() ? 1 : 0;
      if (ptrace(PTRACE_SINGLESTEP, id_, nullptr, passed_on(signal)) != 0 || !wait(signal))
        return -1;
    } while (signal != SIGSTOP);
    return found;
  }

private:
  static void* passed_on(int signal) { // ours are not
    return signal == SIGSTOP || signal == SIGTRAP ? nullptr
                                                  : reinterpret_cast<void*>(std::intptr_t{signal});
  }

  bool wait(int& signal) const {
    int status = 0;
    if (waitpid(id_, &status, 0) != id_ || !WIFSTOPPED(status))
      return false;
    signal = WSTOPSIG(status);
    return true;
  }

  bool locked_here() {
    user_regs_struct registers{};
    ptrace(PTRACE_GETREGS, id_, nullptr, &registers);
    const auto [known, is_new] = known_.try_emplace(registers.rip, false);
    if (is_new) {
      std::array<unsigned char, 16> code{};
      for (std::size_t i = 0; i < code.size(); i += sizeof(long)) {
        const long word = ptrace(PTRACE_PEEKTEXT, id_, registers.rip + i, nullptr);
        std::memcpy(&code[i], &word, sizeof word);
      }
      known->second = is_locked(code);
    }
    return known->second;
  }

  pid_t id_;
  std::unordered_map<std::uint64_t, bool> known_;
};

void count_locked(benchmark::State& state, const std::string& subject) {
  for (auto _ : state) {
    const auto begin = clock::now();
    tracee copy(subject);
    if (!copy.run_to_mark())
      return state.SkipWithError("ptrace is not permitted here");
    const auto found = copy.count();
    if (found < 0)
      return fail(state, "the traced copy ended early");
    state.counters["locked_per_message"] =
        static_cast<double>(found) / static_cast<double>(traced_messages);
    state.SetIterationTime(seconds(clock::now() - begin).count());
  }
}

} // namespace

void trace_mark() {
  syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP);
}

void add_locked(const std::string& subject, std::function<void()> run) {
  cases.emplace(subject, std::move(run));
  add("rmw", subject, "one_key",
      [subject](benchmark::State& state) { count_locked(state, subject); });
}

void run_traced(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (const std::string argument = argv[i]; argument.starts_with(option)) {
      if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0)
        cases.at(argument.substr(std::strlen(option)))();
      _exit(1);
    }
}

} // namespace bench

#else

namespace bench {
void trace_mark() {}
void add_locked(const std::string& subject, std::function<void()>) {
  add("rmw", subject, "one_key", [](benchmark::State& state) {
    state.SkipWithError("instructions are counted on x86-64 Linux and without sanitizers only");
  });
}
void run_traced(int, char**) {}
} // namespace bench

#endif
