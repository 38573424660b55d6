#pragma once

// oneTBB: a serial function_node per key, and a plain pool without any order. Producers join the
// arena while they submit: a task then goes to the producer's own deque, from which workers steal,
// which is cheaper than the arena's shared streams.

#include "harness/subject.hpp"

#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace bench {

/// The workers asked for, and room for producers beside them.
class tbb_pool {
public:
  explicit tbb_pool(const setup& s)
      : threads_(tbb::global_control::max_allowed_parallelism, s.workers + 1),
        arena_(static_cast<int>(s.workers + s.producers), s.producers) {
    arena_.initialize();
  }

  template <class Function>
  void inside(Function&& function) {
    arena_.execute(function);
  }

private:
  tbb::global_control threads_; // one more than workers: TBB counts the thread that submits
  tbb::task_arena arena_;
};

template <class Key, class Message>
class tbb_function_node : public tbb_pool {
public:
  tbb_function_node(const setup& s, handler& handle)
      : tbb_pool(s), graph_(graph_inside(*this)), nodes_(s, [&] {
          return in_place{[&] {
            return node(*graph_, tbb::flow::serial, [&handle](const Message& m) {
              handle(m);
              return tbb::flow::continue_msg();
            });
          }};
        }) {}
  tbb_function_node(const tbb_function_node&) = delete;
  tbb_function_node& operator=(const tbb_function_node&) = delete;
  ~tbb_function_node() { drain(); }

  void submit(const Key& key, const Message& m) { nodes_[key].try_put(m); }
  void drain() {
    inside([this] { graph_->wait_for_all(); });
  }

private:
  using node = tbb::flow::function_node<Message>;

  /// A graph runs in the arena that it was made in.
  static std::unique_ptr<tbb::flow::graph> graph_inside(tbb_pool& pool) {
    std::unique_ptr<tbb::flow::graph> made;
    pool.inside([&] { made = std::make_unique<tbb::flow::graph>(); });
    return made;
  }

  std::unique_ptr<tbb::flow::graph> graph_;
  directory<Key, node> nodes_;
};

/// What order costs is seen against this: the same pool, where any message may run at any time.
template <class Key, class Message>
class tbb_unordered : public tbb_pool {
public:
  tbb_unordered(const setup& s, handler& handle) : tbb_pool(s), handle_(handle) {}
  tbb_unordered(const tbb_unordered&) = delete;
  tbb_unordered& operator=(const tbb_unordered&) = delete;
  ~tbb_unordered() { drain(); }

  void submit(const Key&, const Message& m) {
    group_.run([&handle = handle_, m] { handle(m); });
  }
  void drain() {
    inside([this] { group_.wait(); });
  }

private:
  handler& handle_;
  tbb::task_group group_;
};

} // namespace bench
