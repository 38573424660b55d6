#pragma once

// Dead letters kept in memory, bounded, until somebody looks at them, takes them out, or sends them
// back.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/sinks/letters_back.hpp"
#include "convoy/failure.hpp"
#include "convoy/status.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace convoy {

/// What a dead_letter_store does with a letter that it has no room for.
enum class store_full : unsigned char {
  wait,     ///< the letter's lane waits and offers it again; it holds no worker meanwhile
  park,     ///< the letter's lane parks, until resume()
  overflow, ///< the letter goes to the overflow sink
};

/// A sink of dead letters which keeps them:
///   .dead_letters = std::ref(store)
/// Letters of a key are kept, and sent back, in the order in which they came; keys are in the order
/// of their first letters. Nothing is lost: a letter that is not stored keeps its message. The letter
/// of a joint message is one of dead_letter::key only.
///
/// **Redrive.** While a key's letters are on their way back they are in nobody's sight, but take
/// their room until redrive() knows what became of them. Threads that redrive take turns.
///
/// **Cost.** One allocation for a letter (two with a long reason), two for a key, which go when its
/// last letter does.
///
/// All members may be called by any thread at any time, by handlers too. They hold a lock for a
/// short time, never while a processor or the overflow sink is called; redrive() waits for others
/// that redrive. Those that list letters may throw std::bad_alloc. Hash and Equal must not throw.
/// Neither copied nor moved. Must outlive the processors whose sink it is.
template <class Key, class Message, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
class dead_letter_store {
  static_assert(std::is_copy_constructible_v<Key>,
                "convoy: a stored letter owns a copy of its key");
  static_assert(std::is_nothrow_move_constructible_v<Message>,
                "convoy: a message must be nothrow move constructible");

public:
  using dead_letter = convoy::dead_letter<Key, Message>;

  struct options {
    std::size_t capacity = 10'000; ///< letters, at least 1
    store_full when_full = store_full::wait;
    /// Called with what does not fit, on the worker. Whatever it throws is thrown on.
    std::function<void(dead_letter&)> overflow = {};
  };

  /// A dead letter that owns what the sink was shown.
  struct entry {
    entry(dead_letter& from, std::uint64_t number)
        : key(from.key), keys(detail::copied(from.keys)), reason(from.reason),
          message(std::move(from.message)), arrival(number), sequence(from.sequence),
          attempts(from.attempts), why(from.why), first_error(from.first_error),
          last_error(from.last_error), first_failed(from.first_failed), died(from.died) {}

    // These first: copying them may throw, and the message must not have moved by then.
    Key key;
    std::vector<Key> keys; ///< of a joint message: all, as they were given. Else empty.
    std::string reason;    ///< what the last outcome's because() said; empty: nothing
    Message message;
    std::uint64_t arrival; ///< counts the letters of all keys as they come
    std::uint64_t sequence;
    unsigned attempts;
    death why;
    std::exception_ptr first_error;
    std::exception_ptr last_error;
    typename dead_letter::time_point first_failed; ///< only if attempts is not 0
    typename dead_letter::time_point died;
  };

  /// Throws std::invalid_argument for options that make no sense, std::bad_alloc.
  explicit dead_letter_store(options wanted = {}, Hash hash = {}, Equal equal = {})
      : options_(std::move(wanted)), keys_(0, std::move(hash), std::move(equal)) {
    if (options_.capacity == 0)
      detail::refuse("convoy::dead_letter_store: capacity", "at least 1 letter", "0");
    const bool overflows = options_.when_full == store_full::overflow;
    if (overflows && !options_.overflow)
      detail::refuse("convoy::dead_letter_store: overflow",
                     "set to the sink that takes what does not fit, as when_full says overflow",
                     "empty");
    if (!overflows && options_.overflow)
      detail::refuse("convoy::dead_letter_store: overflow",
                     "empty unless when_full is store_full::overflow, or it would never be called",
                     "set");
  }

  dead_letter_store(const dead_letter_store&) = delete;
  dead_letter_store& operator=(const dead_letter_store&) = delete;

  /// The sink. Throws dead_letter_refused if the store is full or there is no memory, and what
  /// copying the key or the overflow sink throws. Then nothing is stored, and the message is as it
  /// was.
  void operator()(dead_letter& letter) {
    try {
      if (store(letter))
        return;
    } catch (const std::bad_alloc&) {
      throw dead_letter_refused("convoy::dead_letter_store: out of memory",
                                dead_letter_refused::then::offer_again);
    }
    switch (options_.when_full) {
    case store_full::wait:
      throw dead_letter_refused("convoy::dead_letter_store: full; redrive, take or discard letters",
                                dead_letter_refused::then::offer_again);
    case store_full::park:
      throw dead_letter_refused(
          "convoy::dead_letter_store: full; redrive, take or discard letters, "
          "then resume the key",
          dead_letter_refused::then::park);
    case store_full::overflow:
      options_.overflow(letter);
    }
  }

  /// Letters that take room, those on their way back included.
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return size_;
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return options_.capacity; }

  /// The keys that have letters here, in the order of their first letters. Takes time for sorting.
  [[nodiscard]] std::vector<Key> keys() const {
    const std::lock_guard lock(mutex_);
    std::vector<Key> result;
    for (const auto* of_key : in_order())
      result.push_back(of_key->first);
    return result;
  }

  /// Calls function(const entry&) for each letter of the key, in order; under the lock: it must
  /// call nothing of the store or of a processor, and sinks wait for it.
  template <class Function>
  void visit(const Key& key, Function&& function) const {
    const std::lock_guard lock(mutex_);
    if (const auto found = keys_.find(key); found != keys_.end())
      for (const entry& letter : found->second.letters)
        function(letter);
  }

  /// As visit(key, function) for all keys, one after the other.
  template <class Function>
  void visit(Function&& function) const {
    const std::lock_guard lock(mutex_);
    for (const auto* of_key : in_order())
      for (const entry& letter : of_key->second.letters)
        function(letter);
  }

  /// Takes the letters of a key out, in order; empty if there are none.
  [[nodiscard]] std::list<entry> take(const Key& key) {
    std::list<entry> taken;
    const std::lock_guard lock(mutex_);
    if (const auto found = keys_.find(key); found != keys_.end())
      take_from(*found, taken);
    return taken;
  }

  /// Takes all letters out, one key after the other.
  [[nodiscard]] std::list<entry> take_all() {
    std::list<entry> taken;
    const std::lock_guard lock(mutex_);
    for (const auto* of_key : in_order())
      take_from(*keys_.find(of_key->first), taken);
    return taken;
  }

  /// Destroys the letters of a key. Returns how many.
  std::size_t discard(const Key& key) { return take(key).size(); }

  /// Sends the letters of a key back, in order, by
  ///   bulk_result to.resubmit(const Key&, std::span<Message>, place)
  /// those of joint messages to all of their keys, behind what waits there, by
  ///   submit_status to.resubmit_joint(std::span<const Key>, Message&&)
  /// What that refuses stays here, in front of all that came later. Returns what it returns. Throws
  /// std::invalid_argument if the key has no letters, or one of a joint message that is to be put
  /// before others, std::bad_alloc, and what resubmit() throws;
  /// then all stays here, but for what a bulk_interrupted says was accepted.
  template <class Processor>
  [[nodiscard]] bulk_result redrive(Processor& to, const Key& key, place where = place::behind) {
    if (const auto result = redrive_if_any(to, key, where))
      return *result;
    throw std::invalid_argument("convoy::dead_letter_store::redrive: the key has no letters here; "
                                "keys() lists those that have some");
  }

  /// Sends back what is there when it begins, one key after the other. It goes on with the next key
  /// after `key_full`, not after what concerns all. Returns how many were accepted, and the first
  /// status that was not `accepted`. Throws std::bad_alloc and what resubmit() throws, as a
  /// bulk_interrupted if anything was accepted before; what was not sent by then stays here.
  template <class Processor>
  [[nodiscard]] bulk_result redrive_all(Processor& to, place where = place::behind) {
    bulk_result all;
    for (const Key& key : keys()) {
      const auto one = redrive_after(all.accepted, to, key, where);
      all.accepted += one.accepted;
      if (all.status == submit_status::accepted)
        all.status = one.status;
      if (one.status != submit_status::accepted && one.status != submit_status::key_full)
        break;
    }
    return all;
  }

private:
  struct letters_of_key {
    std::list<entry> letters;
    bool redriven = false; // some are on their way back, so this must stay where it is
  };
  using key_map = std::unordered_map<Key, letters_of_key, Hash, Equal>;
  using slot = typename key_map::value_type; // stays where it is until it is erased

  /// False: there is no room.
  bool store(dead_letter& letter) {
    const std::lock_guard lock(mutex_);
    if (size_ >= options_.capacity)
      return false;
    const auto [of_key, is_new] = keys_.try_emplace(letter.key);
    try {
      of_key->second.letters.emplace_back(letter, arrivals_);
    } catch (...) {
      if (is_new)
        keys_.erase(of_key);
      throw;
    }
    ++arrivals_;
    ++size_;
    return true;
  }

  /// Of each key that has letters. Under the lock.
  [[nodiscard]] std::vector<const slot*> in_order() const {
    std::vector<const slot*> result;
    for (const slot& of_key : keys_)
      if (!of_key.second.letters.empty())
        result.push_back(&of_key);
    std::sort(result.begin(), result.end(), [](const slot* a, const slot* b) {
      return a->second.letters.front().arrival < b->second.letters.front().arrival;
    });
    return result;
  }

  /// Under the lock. Nothing is destroyed but what was the key's place.
  void take_from(slot& of_key, std::list<entry>& to) noexcept {
    size_ -= of_key.second.letters.size();
    to.splice(to.end(), of_key.second.letters);
    erase_if_unused(of_key);
  }

  void erase_if_unused(slot& of_key) noexcept {
    if (!of_key.second.letters.empty() || of_key.second.redriven)
      return;
    keys_.erase(keys_.find(of_key.first));
    constexpr std::size_t kept_when_empty = 1024;
    if (keys_.empty() && keys_.bucket_count() > kept_when_empty) {
      try {
        keys_.rehash(0);
      } catch (...) { // out of memory: it stays as it is. NOLINT(bugprone-empty-catch)
      }
    }
  }

  // Redriving. Taking letters out, sending them and putting the rest back must be one step to
  // others who redrive: else one could send a key's later letters while another still holds its
  // earlier ones. So redriving_ is held all the time. The sink's mutex_ must not be: resubmit() may
  // wait for a lock or a drainer of the processor, which may be inside the sink. The sink never
  // takes redriving_, so that goes on. resubmit() must not wait for room, though: lanes that wait
  // for room here would hold what it waits for, and so would a handler that waits for its turn to
  // redrive.

  /// One of several keys, when so many letters have been accepted.
  template <class Processor>
  bulk_result redrive_after(std::size_t accepted, Processor& to, const Key& key, place where) {
    try {
      try {
        return redrive_if_any(to, key, where).value_or(bulk_result{});
      } catch (const bulk_interrupted& after) {
        accepted += after.accepted();
        after.rethrow_nested();
      }
    } catch (...) {
      detail::rethrow_after(accepted);
    }
  }

  /// Nothing if the key has no letters.
  template <class Processor>
  std::optional<bulk_result> redrive_if_any(Processor& to, const Key& key, place where) {
    const std::lock_guard in_turn(redriving_);
    std::list<entry> sent;
    std::vector<Message> messages;
    slot* const of_key = begin_redrive(key, sent, messages);
    if (of_key == nullptr)
      return std::nullopt;
    bulk_result result;
    try {
      result = detail::send_back(to, of_key->first, sent, std::span<Message>(messages), where);
    } catch (const bulk_interrupted& after) {
      end_redrive(*of_key, sent, messages, after.accepted());
      throw;
    } catch (...) {
      end_redrive(*of_key, sent, messages, 0);
      throw;
    }
    end_redrive(*of_key, sent, messages, result.accepted);
    return result;
  }

  /// Takes the letters of a key out, their messages apart; null if there are none.
  slot* begin_redrive(const Key& key, std::list<entry>& sent, std::vector<Message>& messages) {
    const std::lock_guard lock(mutex_);
    const auto found = keys_.find(key);
    if (found == keys_.end() || found->second.letters.empty())
      return nullptr;
    auto& [letters, redriven] = found->second;
    messages.reserve(letters.size()); // the last that may throw
    for (entry& letter : letters)
      messages.push_back(std::move(letter.message));
    sent.splice(sent.end(), letters);
    redriven = true;
    return &*found;
  }

  /// Puts those that were not accepted back in front. The others stay in `sent`, to be destroyed
  /// without the lock.
  void end_redrive(slot& of_key, std::list<entry>& sent, std::vector<Message>& messages,
                   std::size_t accepted) noexcept {
    auto refused = sent.begin();
    std::advance(refused, accepted);
    auto from = messages.begin() + static_cast<std::ptrdiff_t>(accepted);
    for (auto letter = refused; letter != sent.end(); ++letter, ++from) {
      std::destroy_at(&letter->message); // messages need not be assignable
      std::construct_at(&letter->message, std::move(*from));
    }
    const std::lock_guard lock(mutex_);
    auto& [letters, redriven] = of_key.second;
    letters.splice(letters.begin(), sent, refused, sent.end());
    redriven = false;
    size_ -= accepted;
    erase_if_unused(of_key);
  }

  const options options_;
  std::mutex redriving_;     // before mutex_
  mutable std::mutex mutex_; // of all below
  key_map keys_;
  std::size_t size_ = 0;
  std::uint64_t arrivals_ = 0;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
