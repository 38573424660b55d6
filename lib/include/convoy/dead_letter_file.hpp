#pragma once

// Dead letters written to a file, a line of JSON each.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/sinks/json.hpp"
#include "convoy/detail/sinks/line_file.hpp"
#include "convoy/failure.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace convoy {

namespace detail {

/// What writes a T as JSON if nobody says how: nothing but for integers and strings.
template <class T>
[[nodiscard]] std::function<std::string(const T&)> plain_json() {
  if constexpr (std::is_same_v<T, bool>)
    return [](const bool& value) -> std::string { return value ? "true" : "false"; };
  else if constexpr (std::is_integral_v<T>)
    return [](const T& value) { return std::to_string(value); };
  else if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return [](const T& value) { return json_of_bytes(value); };
  else
    return {};
}

} // namespace detail

/// A sink of dead letters that appends them to a file, as lines of JSON:
///   .dead_letters = std::ref(file)
///
///   {"key":"k","sequence":7,"attempts":3,"why":"failed","first_error":"timeout","last_error":null,
///    "first_failed":"2026-01-31T23:59:59.000250Z","died":"2026-01-31T23:59:59.400000Z","redriven":0,
///    "message":…}
///
/// (in one line). Errors are what they say, null if the handler returned an outcome; first_failed
/// is null if the handler was not called. `why` is a death's name, see to_string(death); behind it
/// comes "reason":"…" if there is one. Behind the key of a joint message come all of them as they
/// were given, "keys":["k","l"]. Both times are told by one look at the wall clock.
/// read_dead_letters() reads the lines, and redrive_dead_letters() sends the letters back and makes
/// `redriven` 1.
///
/// **Durability.** When the sink returns, the line is whole and survives the end of the process, by
/// SIGKILL, too; with `sync` also a loss of power. What a killed process left of its last line is
/// cut off when the file is opened again: a line that does not end with '\n'. If the line can't be
/// written or synced, nothing of it is left, and the sink throws dead_letter_refused: the letter is
/// offered again, with its cause as what(). (Only if a sync fails and the power is lost, too, the
/// file may show a line that was refused.) One file has one writer: it is locked while it is open.
/// A forked child is refused.
///
/// **Rotation.** A letter goes to the file that has the path's name at that moment: if that was
/// moved or removed, a new one is created. reopen() does so without a letter: then nothing more
/// comes into the file that was moved, and its lock is gone. So let logrotate move (not
/// copytruncate, which loses what comes in between), with reopen() in postrotate, or with
/// delaycompress. A file that is created belongs to its owner only (0600, less the umask); one that
/// exists keeps its mode.
///
/// The sink may be called by any thread at any time; formatters run at once, writes one after the
/// other. With `sync` a worker sleeps until its line is durable; lines of several workers are
/// synced together, so more workers write more lines a second. Neither copied nor moved. Must
/// outlive the processors whose sink it is.
template <class Key, class Message>
class dead_letter_file {
public:
  using dead_letter = convoy::dead_letter<Key, Message>;

  struct options {
    /// Return the key, the message as one JSON value in UTF-8; called by several threads at once.
    /// Not needed for integers and strings (what is no UTF-8 becomes {"hex":"00ff"}). Line breaks
    /// between the parts of a value become spaces. What a formatter throws parks the letter's lane
    /// until resume(), and so does what is no JSON: it could not be read back.
    std::function<std::string(const Key&)> key_json = detail::plain_json<Key>();
    std::function<std::string(const Message&)> message_json = detail::plain_json<Message>();
    bool sync = false; ///< the sink returns once its line survives a loss of power
  };

  /// Opens the file, or creates it. Throws std::invalid_argument if a formatter is needed,
  /// or a path with a NUL in it, std::system_error if the file can't be opened, locked or repaired.
  explicit dead_letter_file(const std::string& path, options wanted = {})
      : options_(checked(std::move(wanted))), file_(path, options_.sync) {}

  dead_letter_file(const dead_letter_file&) = delete;
  dead_letter_file& operator=(const dead_letter_file&) = delete;

  /// The sink. Throws dead_letter_refused and nothing else; the message stays as it is.
  void operator()(const dead_letter& letter) {
    const auto line = formatted(letter);
    try {
      file_.append(line);
    } catch (const std::logic_error& error) { // in a forked child
      throw dead_letter_refused(error.what(), dead_letter_refused::then::park);
    } catch (const std::exception& error) {
      throw dead_letter_refused(error.what(), dead_letter_refused::then::offer_again);
    }
  }

  /// To be called when the file was moved: leaves it, and opens or creates what has its name now.
  /// Any thread, at any time, but for signal handlers; waits for lines that are being written. Does
  /// nothing if the file was not moved. Throws std::system_error, and std::logic_error in a forked
  /// child; then the next letter, or call, tries it again.
  void reopen() { file_.reopen(); }

  /// Bytes of torn lines that were cut off when the file was opened, or reopened; 0 if there was
  /// none.
  [[nodiscard]] std::size_t torn() const { return file_.torn(); }

private:
  static options checked(options wanted) {
    constexpr const char* must =
        "set where it is neither an integer nor a string, which have a JSON form by themselves";
    if (!wanted.key_json)
      detail::refuse("convoy::dead_letter_file: key_json", must, "empty");
    if (!wanted.message_json)
      detail::refuse("convoy::dead_letter_file: message_json", must, "empty");
    return wanted;
  }

  /// Without memory it may go better later; what formatters throw else, they will throw again.
  [[nodiscard]] std::string formatted(const dead_letter& letter) const {
    using then = dead_letter_refused::then;
    try {
      return line_of(letter);
    } catch (const std::bad_alloc&) {
      throw dead_letter_refused("convoy::dead_letter_file: out of memory", then::offer_again);
    } catch (const std::exception& error) {
      throw dead_letter_refused(error.what(), then::park);
    } catch (...) {
      throw dead_letter_refused("convoy::dead_letter_file: a formatter threw something that is no "
                                "std::exception",
                                then::park);
    }
  }

  [[nodiscard]] std::string line_of(const dead_letter& letter) const {
    const detail::wall_clock clock;
    const auto time = [&](auto when) { return detail::json_time(clock.at(when)); };
    return R"({"key":)" + one_line(options_.key_json(letter.key)) + keys_of(letter) +
           R"(,"sequence":)" + std::to_string(letter.sequence) + R"(,"attempts":)" +
           std::to_string(letter.attempts) + R"(,"why":")" + to_string(letter.why) + '"' +
           (letter.reason.empty() ? "" : R"(,"reason":)" + detail::json_string(letter.reason)) +
           R"(,"first_error":)" + detail::json_error(letter.first_error) + R"(,"last_error":)" +
           detail::json_error(letter.last_error) + R"(,"first_failed":)" +
           (letter.attempts == 0 ? "null" : time(letter.first_failed)) + R"(,"died":)" +
           time(letter.died) + R"(,"redriven":0,"message":)" +
           one_line(options_.message_json(letter.message)) + "}\n";
  }

  [[nodiscard]] std::string keys_of(const dead_letter& letter) const {
    std::string list;
    for (const Key* each : letter.keys)
      list += (list.empty() ? R"(,"keys":[)" : ",") + one_line(options_.key_json(*each));
    return list.empty() ? list : list + ']';
  }

  static std::string one_line(std::string json) {
    try {
      detail::json_cursor cursor(json);
      (void)cursor.value();
      cursor.expect_end();
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument("convoy::dead_letter_file: a formatter returned what is no JSON "
                                  "value (" +
                                  std::string(error.what()) +
                                  "); make it return one, null if need be");
    }
    std::replace_if(
        json.begin(), json.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return json;
  }

  const options options_;
  detail::line_file file_;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
