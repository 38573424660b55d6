// The library's arena (arena.hpp) on the model: each task is a thread.

#include "arena.hpp"

#include "checker.hpp"

namespace convoy::detail {

struct arena::parts {};

arena::arena(unsigned) {}
arena::~arena() = default;

void arena::enqueue(void (*task)(void*) noexcept, void* argument) {
  (void)model::start([task, argument] { task(argument); });
}

bool arena::on_worker_thread() noexcept {
  return false;
}

} // namespace convoy::detail
