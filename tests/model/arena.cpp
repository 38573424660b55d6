// The library's arena (arena.hpp) on the model: each task is a thread, as far as lent_threads allows.

#include "sched/arena.hpp"

#include "checker.hpp"
#include "convoy/detail/base/atomic.hpp"
#include "lending.hpp"

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace convoy::detail {

struct arena::parts {
  detail::mutex mutex; // guards what follows
  std::vector<thread> lent;
  std::vector<std::function<void()>> not_begun;
};

arena::arena(unsigned) : parts_(std::make_unique<parts>()) {}

arena::~arena() {
  for (auto& each : std::exchange(parts_->not_begun, {}))
    each();
  for (auto& each : parts_->lent)
    each.join();
}

void arena::enqueue(void (*task)(void*) noexcept, void* argument) {
  const std::lock_guard lock(parts_->mutex);
  if (parts_->lent.size() < model::lent_threads)
    parts_->lent.emplace_back([task, argument] { task(argument); });
  else
    parts_->not_begun.emplace_back([task, argument] { task(argument); });
}

bool arena::run_here(void (*task)(void*) noexcept, void* argument) noexcept {
  task(argument);
  return true;
}

bool arena::may_be_made() noexcept {
  return model::lent_threads != model::tbb_is_lost;
}

bool arena::on_worker_thread() noexcept {
  return false;
}

bool arena::in_task() noexcept {
  return false;
}

} // namespace convoy::detail
