#include "consume/stop_signals.hpp"

#include "consume/command.hpp"
#include "strategies/watched.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>

namespace convoy::tool {
namespace {

std::atomic<int> stop_count{0}, first_stop{0};
std::atomic<const command_runner*> commands_to_kill{nullptr};
static_assert(std::atomic<int>::is_always_lock_free); // or a signal handler could not look at it

extern "C" void on_stop_signal(int signal) {
  int none = 0;
  first_stop.compare_exchange_strong(none, signal);
  if (++stop_count == 1)
    return;
  if (const command_runner* const running = commands_to_kill)
    running->kill_all();
  watched_door::remove_from_signal_handler();
  std::_Exit(128 + signal);
}

} // namespace

stop_signals::stop_signals(const command_runner& commands) {
  commands_to_kill = &commands;
  stop_count = first_stop = 0;
  struct sigaction ours {};
  ours.sa_handler = &on_stop_signal;
  ours.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < all.size(); ++i) {
    ::sigaction(all[i], nullptr, &former_[i]);
    if (former_[i].sa_handler != SIG_IGN) // as nohup does
      ::sigaction(all[i], &ours, nullptr);
  }
}

stop_signals::~stop_signals() {
  for (std::size_t i = 0; i < all.size(); ++i)
    ::sigaction(all[i], &former_[i], nullptr);
  commands_to_kill = nullptr;
}

int stop_signals::count() noexcept {
  return stop_count;
}

int stop_signals::first() noexcept {
  return first_stop;
}

} // namespace convoy::tool
