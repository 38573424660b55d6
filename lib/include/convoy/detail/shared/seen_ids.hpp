#pragma once

// The ids of messages that the keys of a partition have had: a table of all, and a list for each
// key, the oldest first. One thread at a time.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/ds/key_table.hpp"
#include "convoy/detail/ds/node_pool.hpp"
#include "convoy/detail/shared/core.hpp"
#include "convoy/message.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <type_traits>

namespace convoy::detail {

template <class Id>
class seen_ids {
  struct owned_id;

public:
  class node;

  /// A key's ids. It must stay where it is.
  struct list {
    node* oldest = nullptr;
    node* youngest = nullptr;
    std::size_t size = 0;
  };

  class node {
  public:
    node(list& of, const Id& value, std::uint32_t its_hash, clock::time_point now)
        : hash(its_hash), key{of, value}, when(now) {}

    const std::uint32_t hash;
    node* next = nullptr; // in its bucket
    const owned_id key;
    const clock::time_point when;
    node* older = nullptr; // of its key
    node* newer = nullptr;
  };

  seen_ids() : table_(same_id{}) {}
  seen_ids(const seen_ids&) = delete;
  seen_ids& operator=(const seen_ids&) = delete;
  ~seen_ids() {
    table_.drain([this](node& each) { pool_.give_back(each); });
  }

  /// Null: the key has not had it. Throws what hashing does.
  [[nodiscard]] node* find(const list& of, const Id& value) const {
    return of.oldest == nullptr ? nullptr : table_.find(wanted{of, value}, hash(of, value));
  }

  /// The key must not have had it. Throws std::bad_alloc, and what copying and hashing does.
  node& add(list& of, const Id& value, clock::time_point now) {
    auto* const made = pool_.make(of, value, hash(of, value), now);
    if (made == nullptr)
      throw std::bad_alloc();
    table_.insert(*made);
    made->older = of.youngest;
    (of.youngest == nullptr ? of.oldest : of.youngest->newer) = made;
    of.youngest = made;
    ++of.size;
    return *made;
  }

  void erase(node& old) noexcept {
    auto& of = old.key.of;
    (old.older == nullptr ? of.oldest : old.older->newer) = old.newer;
    (old.newer == nullptr ? of.youngest : old.newer->older) = old.older;
    --of.size;
    table_.erase(old);
    pool_.give_back(old);
  }

  /// See node_pool.
  [[nodiscard]] bool has_spares() const noexcept {
    return pool_.has_spares() || table_.has_spares();
  }
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    const bool all = pool_.trim(most);
    if (all)
      table_.trim();
    return all;
  }

private:
  /// An id, and whose it is.
  struct owned_id {
    list& of;
    Id value;
  };
  struct wanted {
    const list& of;
    const Id& value;
  };
  struct same_id {
    bool operator()(const owned_id& a, const wanted& b) const {
      return &a.of == &b.of && a.value == b.value;
    }
  };

  struct no_hash {
    std::size_t operator()(const no_id&) const noexcept { return 0; }
  };
  template <class T>
  struct hash_of {
    using type = std::hash<T>;
  };
  using id_hash = typename std::conditional_t<std::is_same_v<Id, no_id>,
                                              std::type_identity<no_hash>, hash_of<Id>>::type;

  [[nodiscard]] static std::uint32_t hash(const list& of, const Id& value) {
    const auto key = reinterpret_cast<std::uintptr_t>(&of);
    return static_cast<std::uint32_t>(spread(key ^ std::uint64_t{id_hash{}(value)}));
  }

  node_pool<node> pool_;
  key_table<node, same_id> table_;
};

} // namespace convoy::detail
