#pragma once

// The letters of a file sent back to a processor.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/dead_letter_reader.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/detail/sinks/letters_back.hpp"
#include "convoy/detail/sinks/owned_file.hpp"
#include "convoy/status.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace convoy {

/// What redrive_dead_letters() has done.
struct redrive_result {
  std::size_t redriven = 0; ///< letters whose messages are finished, and marked in the file
  std::size_t bad = 0;      ///< lines that on_bad_line was told of
  submit_status status =
      submit_status::accepted; ///< why it ended; `accepted`: at the end of the file

  /// Nothing that could be redriven is left: the file may be removed if no line was bad.
  [[nodiscard]] bool complete() const noexcept {
    return status == submit_status::accepted && bad == 0;
  }
};

namespace detail {

template <class Key, class Message, class Processor>
class file_redrive {
public:
  file_redrive(const std::string& path, Processor& to, dead_letter_parse<Key, Message> parse)
      : processor_(to), file_(path, owned_file::purpose::change),
        letters_(file_, path, counting(std::move(parse))) {
    sent_.reserve(most_under_way);
  }

  redrive_result run() {
    try {
      while (auto* const letter = next()) {
        result_.status = send(*letter);
        if (result_.status != submit_status::accepted)
          break;
      }
    } catch (...) {
      settle();
      throw;
    }
    if (!settle())
      result_.status = submit_status::closed;
    return result_;
  }

private:
  static constexpr std::size_t most_under_way = 1'000; // what a crash may repeat

  struct sent {
    Key key;
    std::uint64_t mark;
  };

  dead_letter_parse<Key, Message> counting(dead_letter_parse<Key, Message> parse) {
    if (parse.on_bad_line)
      parse.on_bad_line = [this, tell = std::move(parse.on_bad_line)](const auto& error,
                                                                      auto line) {
        ++result_.bad;
        tell(error, line);
      };
    return parse;
  }

  /// The next letter that was not redriven.
  dead_letter_record<Key, Message>* next() {
    auto* letter = letters_.next();
    while (letter != nullptr && letter->redriven)
      letter = letters_.next();
    return letter;
  }

  submit_status send(dead_letter_record<Key, Message>& letter) {
    if (sent_.size() == most_under_way && !settle())
      return submit_status::closed;
    const auto mark = letters_.mark(); // or throws, before anything is sent
    auto status = resubmit(letter);
    if (status != submit_status::accepted && status != submit_status::closed && !sent_.empty()) {
      if (!settle()) // those before it make room
        return submit_status::closed;
      status = resubmit(letter);
    }
    if (status == submit_status::accepted)
      sent_.push_back({std::move(letter.key), mark});
    return status;
  }

  submit_status resubmit(dead_letter_record<Key, Message>& letter) {
    if (!letter.keys.empty())
      return send_joint_back(processor_, letter.keys, letter.message);
    return processor_.resubmit(letter.key, std::span(&letter.message, 1), place::behind).status;
  }

  /// Waits until all that was sent is finished, and marks it. False: the processor ends, and may
  /// have discarded some, so nothing is marked.
  bool settle() {
    for (const sent& each : sent_)
      processor_.drain(each.key);
    if (processor_.closed() && processor_.account().discarded != discarded_)
      return false;
    for (const sent& each : sent_)
      file_.put(each.mark, '1');
    file_.sync();
    result_.redriven += sent_.size();
    sent_.clear();
    return true;
  }

  Processor& processor_;
  const std::uint64_t discarded_ = processor_.account().discarded;
  owned_file file_;
  redrive_result result_;
  dead_letter_reader<Key, Message> letters_;
  std::vector<sent> sent_;
};

} // namespace detail

/// Sends the letters of a file back, in its order, so those of a key in the key's:
///
///   std::filesystem::rename("dead.jsonl", "dead.1.jsonl");
///   file.reopen(); // now nobody writes there
///   if (convoy::redrive_dead_letters<std::string, int>("dead.1.jsonl", orders).complete())
///     std::filesystem::remove("dead.1.jsonl");
///
/// Keys and messages that are neither integers nor std::string need `parse`, as read_dead_letters().
///
/// A letter is marked in the file (`"redriven":1`) when its message is finished: handled, or dead
/// once more, and in the processor's sink. Marked ones are passed over, so whatever ends it, it can
/// be called again. **Promise:** no letter is lost; none is sent twice, but after a crash (or if it
/// threw std::system_error, std::bad_alloc) those that were under way, at most 1,000.
///
/// It waits for its letters to be finished, so for as long as a key is parked or paused that has
/// one. It ends at the first letter that is refused though no other is under way; the status says
/// why, and all letters from there on are still to come. A bad line throws bad_dead_letter, after
/// those before it are marked, or goes to parse.on_bad_line, and stays as it is.
///
/// The file must have no writer, and is locked meanwhile. Throws as dead_letter_reader, and
/// std::logic_error on a worker thread. Processor: resubmit(), drain(key), closed() and account();
/// for letters of joint messages resubmit_joint().
template <class Key, class Message, class Processor>
redrive_result redrive_dead_letters(const std::string& path, Processor& to,
                                    dead_letter_parse<Key, Message> parse) {
  if (detail::on_worker_thread()) // before anything is sent
    throw std::logic_error("convoy: redrive_dead_letters() inside a handler would wait for that "
                           "handler; call it from a thread outside the runtime");
  return detail::file_redrive<Key, Message, Processor>(path, to, std::move(parse)).run();
}
template <class Key, class Message, class Processor>
redrive_result redrive_dead_letters(const std::string& path, Processor& to) {
  detail::must_have_plain_parse<Key, Message>();
  return redrive_dead_letters<Key, Message>(path, to, dead_letter_parse<Key, Message>());
}
/// A function is not taken: it would have to be said of what it is.
template <class Key, class Message, class Processor, class Parse>
requires(!std::convertible_to<Parse, dead_letter_parse<Key, Message>>) redrive_result
    redrive_dead_letters(const std::string&, Processor&, Parse&&) {
  static_assert(std::is_void_v<Parse>, // never
                "convoy: say of what it is the parser: redrive_dead_letters<Key, Message>(path, "
                "processor, {.message = parse}), or {.key = …, .message = …}");
  return {};
}

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
