#pragma once

// No peer: it promises order and swaps every two messages, to see that the oracle sees it.

#include "peers/shards.hpp"

#include <optional>
#include <utility>

namespace bench {

template <class Key, class Message>
class swapped : public single_queue<Key, Message> {
public:
  using single_queue<Key, Message>::single_queue;

  auto producer() = delete; // its submit() would keep the order

  void submit(const Key& key, const Message& m) {
    if (!held_)
      return void(held_.emplace(key, m));
    single_queue<Key, Message>::submit(key, m);
    single_queue<Key, Message>::submit(held_->first, held_->second);
    held_.reset();
  }

private:
  std::optional<std::pair<Key, Message>> held_;
};

} // namespace bench
