#pragma once

// The library itself, with its default options.

#include "harness/subject.hpp"

#include <algorithm>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace bench {

inline void expect(convoy::submit_status status) {
  if (status != convoy::submit_status::accepted) [[unlikely]]
    std::abort();
}

template <class Key, class Message>
class convoy_processor {
public:
  convoy_processor(const setup& s, handler& handle)
      : runtime_{{.concurrency = s.workers}},
        processor_(runtime_, [&handle](Message& m) { handle(m); }) {}

  void submit(const Key& key, const Message& m) { expect(processor_.submit(key, m)); }
  void drain() { processor_.drain(); }

protected:
  convoy::runtime runtime_;
  convoy::processor<Key, Message> processor_;
};

/// What a caller does whose messages come in chunks: from a socket, a file, a poll of a broker.
template <std::size_t Chunk, class Key, class Message>
class convoy_chunks : public convoy_processor<Key, Message> {
public:
  using convoy_processor<Key, Message>::convoy_processor;

  template <class Pairs>
  void submit_bulk(const Pairs& all) {
    for (std::span rest(all); !rest.empty();) {
      const auto chunk = rest.first(std::min(Chunk, rest.size()));
      const auto result = this->processor_.submit_bulk(chunk);
      expect(result.status);
      rest = rest.subspan(chunk.size());
    }
  }
};
template <class Key, class Message>
using convoy_bulk = convoy_chunks<64, Key, Message>;
template <class Key, class Message>
using convoy_bulk_1024 = convoy_chunks<1024, Key, Message>;

/// Remembers something for each key, so that idle keys stay known.
template <class Key, class Message>
class convoy_with_state {
public:
  convoy_with_state(const setup& s, handler& handle)
      : runtime_{{.concurrency = s.workers}},
        processor_(runtime_, [&handle](Message& m, std::uint64_t& seen) {
          handle(m);
          ++seen;
        }) {}

  void submit(const Key& key, const Message& m) { expect(processor_.submit(key, m)); }
  void drain() { processor_.drain(); }

private:
  convoy::runtime runtime_;
  convoy::processor<Key, Message, std::uint64_t> processor_;
};

/// A closure for each message.
template <class Key, class Message>
class convoy_executor {
public:
  convoy_executor(const setup& s, handler& handle)
      : handle_(handle), runtime_{{.concurrency = s.workers}}, executor_(runtime_) {}

  void submit(const Key& key, const Message& m) {
    expect(executor_.submit(key, [&handle = handle_, m] { handle(m); }));
  }
  void drain() { executor_.drain(); }

private:
  handler& handle_;
  convoy::runtime runtime_;
  convoy::keyed_executor<Key> executor_;
};

} // namespace bench
