#pragma once

// Several sinks of dead letters as one.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/failure.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <new>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace convoy {

/// A sink that gives each dead letter to several others, one after the other, to each once:
///
///   convoy::dead_letter_tee<int, order> both(std::ref(file), std::ref(store));
///   … {.dead_letters = std::ref(both)}
///
/// If one of them refuses a letter, so does the tee; when the letter is offered again, it goes on
/// with the one that refused. What a sink throws else is thrown when the others have had the
/// letter. Only the last may change the letter, so a dead_letter_store, which takes the message,
/// comes last.
///
/// It may be called by any thread at any time, if its sinks may, but serves one processor: it knows
/// a letter by its key and sequence. Remembers at most one letter for each key, until all have it.
/// Neither copied nor moved. Must outlive the processor.
template <class Key, class Message, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
class dead_letter_tee {
public:
  using dead_letter = convoy::dead_letter<Key, Message>;

  template <class First, class... Rest>
  requires(sizeof...(Rest) != 0) explicit dead_letter_tee(First first, Rest... rest) {
    sinks_.reserve(1 + sizeof...(rest));
    add(std::move(first), std::move(rest)...);
  }

  dead_letter_tee(const dead_letter_tee&) = delete;
  dead_letter_tee& operator=(const dead_letter_tee&) = delete;

  /// The sink. Throws dead_letter_refused if it is out of memory, and what its sinks throw.
  void operator()(dead_letter& letter) {
    progress* const at = begin(letter);
    for (; at->next < sinks_.size(); ++at->next) {
      try {
        sinks_[at->next](letter);
      } catch (const dead_letter_refused&) {
        throw;
      } catch (const std::bad_alloc&) { // refuses, too
        throw;
      } catch (...) {
        if (!at->error)
          at->error = std::current_exception();
      }
    }
    if (const auto error = end(letter.key))
      std::rethrow_exception(error);
  }

private:
  /// Of a key's letter.
  struct progress {
    std::uint64_t sequence;
    std::size_t next = 0;               // sink
    std::exception_ptr error = nullptr; // of one before it
  };

  template <class First, class... Rest>
  void add(First first, Rest... rest) {
    if constexpr (sizeof...(rest) == 0) {
      sinks_.emplace_back(std::move(first));
    } else {
      static_assert(std::is_invocable_v<First&, const dead_letter&>,
                    "convoy: only the last sink of a dead_letter_tee may change the letter: put a "
                    "dead_letter_store last, and let the others take a const dead_letter&");
      sinks_.emplace_back(
          [first = std::move(first)](const dead_letter& letter) mutable { first(letter); });
      add(std::move(rest)...);
    }
  }

  /// Before any sink has the letter: later there might be no memory. Nobody else touches it:
  /// letters of a key come one at a time.
  progress* begin(const dead_letter& letter) try {
    const std::lock_guard lock(mutex_);
    auto& of_key = progress_.try_emplace(letter.key, progress{letter.sequence}).first->second;
    if (of_key.sequence != letter.sequence) // that one was discarded
      of_key = {letter.sequence};
    return &of_key;
  } catch (const std::bad_alloc&) {
    throw dead_letter_refused("convoy::dead_letter_tee: out of memory",
                              dead_letter_refused::then::offer_again);
  }

  std::exception_ptr end(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto of_key = progress_.find(key);
    auto error = std::move(of_key->second.error);
    progress_.erase(of_key);
    return error;
  }

  std::vector<std::function<void(dead_letter&)>> sinks_;
  std::mutex mutex_;
  std::unordered_map<Key, progress, Hash, Equal> progress_; // stays where it is until it is erased
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
