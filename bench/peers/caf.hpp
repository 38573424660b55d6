#pragma once

// The C++ Actor Framework, 0.17: an event-based actor per key on its work-stealing scheduler.

#include "harness/subject.hpp"

#include <caf/all.hpp>
#include <cstddef>
#include <type_traits>

// Messages stay in the process, so that they need no serialisation.
namespace caf {
template <std::size_t Bytes>
struct allowed_unsafe_message_type<bench::message<Bytes>> : std::true_type {};
} // namespace caf

namespace bench {

template <class Key, class Message>
class caf_actor {
public:
  caf_actor(const setup& s, handler& handle)
      : configuration_(s), system_(configuration_),
        actors_(s, [&] { return system_.spawn<caf::hidden>(behaviour, &handle); }) {}

  void submit(const Key& key, const Message& m) {
    // With the worker's own context, if there is one, as self->send() does.
    actors_[key]->eq_impl(caf::make_message_id(), nullptr, context, m);
  }

private:
  struct configuration : caf::actor_system_config {
    explicit configuration(const setup& s) { set("scheduler.max-threads", std::size_t{s.workers}); }
  };

  static caf::behavior behaviour(caf::event_based_actor* self, handler* handle) {
    return {[self, handle](const Message& m) {
      context = self->context();
      (*handle)(m);
      context = nullptr;
    }};
  }

  static inline thread_local caf::execution_unit* context = nullptr;

  configuration configuration_;
  caf::actor_system system_;
  directory<Key, caf::actor> actors_; // an actor ends when nobody knows it
};

} // namespace bench
