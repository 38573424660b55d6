#pragma once

// How much TBB does for the runtimes of a scenario.

namespace model {

constexpr unsigned tbb_is_lost = ~0u; // no arena may be made

/// So many of an arena's tasks get a thread. The others are begun by the thread that destroys the arena.
inline unsigned lent_threads = 1'000;

class lending {
public:
  explicit lending(unsigned threads) { lent_threads = threads; }
  lending(const lending&) = delete;
  lending& operator=(const lending&) = delete;
  ~lending() { lent_threads = 1'000; }
};

} // namespace model
