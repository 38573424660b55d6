#pragma once

// What a dead_letter_file has written, read back.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/dead_letter_file.hpp"
#include "convoy/detail/sinks/json.hpp"
#include "convoy/detail/sinks/letter_line.hpp"
#include "convoy/detail/sinks/line_reader.hpp"
#include "convoy/detail/sinks/owned_file.hpp"
#include "convoy/failure.hpp"

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace convoy {

/// A line that no dead_letter_file has written so, or that can't be parsed: what() says in one line
/// what is wrong, in which file and line.
class bad_dead_letter : public std::runtime_error {
public:
  bad_dead_letter(const std::string& path, std::uint64_t line, const std::string& why)
      : runtime_error("convoy: " + detail::quoted(path) + ", line " + std::to_string(line) + ": " +
                      why),
        line_(line) {}

  [[nodiscard]] std::uint64_t line() const noexcept { return line_; } ///< the first is 1

private:
  std::uint64_t line_;
};

namespace detail {

template <class Key, class Message, class Processor>
class file_redrive;

/// The opposite of plain_json(): what makes a T of JSON if nobody says how.
template <class T>
[[nodiscard]] std::function<T(std::string_view)> plain_parse() {
  if constexpr (std::is_same_v<T, bool>)
    return [](std::string_view json) {
      if (json != "true" && json != "false")
        throw std::invalid_argument("neither true nor false");
      return json == "true";
    };
  else if constexpr (std::is_integral_v<T>)
    return [](std::string_view json) {
      std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t> value{};
      const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), value);
      const auto result = static_cast<T>(value);
      if (error != std::errc() || end != json.data() + json.size() ||
          static_cast<decltype(value)>(result) != value)
        throw std::invalid_argument("not an integer of its type");
      return result;
    };
  else if constexpr (std::is_same_v<T, std::string>)
    return [](std::string_view json) { return bytes_of_json(json); };
  else
    return {};
}

template <class T>
inline constexpr bool has_plain_parse = std::is_integral_v<T> || std::is_same_v<T, std::string>;

/// Where nobody says how they are parsed.
template <class Key, class Message>
constexpr void must_have_plain_parse() {
  static_assert(has_plain_parse<Key>,
                "convoy: say how a key is made of its JSON: (…, {.key = parse}), where "
                "parse(std::string_view json) returns the Key; integers and std::string need none");
  static_assert(has_plain_parse<Message>,
                "convoy: say how a message is made of its JSON: (…, {.message = parse}), where "
                "parse(std::string_view json) returns the Message; integers and std::string need "
                "none");
}

} // namespace detail

/// How letters are read from a file.
template <class Key, class Message>
struct dead_letter_parse {
  /// Make the key, the message of the JSON that the file's key_json, message_json returned. Not
  /// needed for integers and strings. What they throw makes the line a bad one.
  std::function<Key(std::string_view json)> key = detail::plain_parse<Key>();
  std::function<Message(std::string_view json)> message = detail::plain_parse<Message>();

  /// Called with what is wrong with a line, and the line, which is passed over. Without it reading
  /// ends there: the error is thrown.
  std::function<void(const bad_dead_letter& error, std::string_view line)> on_bad_line = {};
};

/// A letter that was read from a file. It is the reader's, who may move from it.
template <class Key, class Message>
struct dead_letter_record {
  using time_point = std::chrono::sys_time<std::chrono::microseconds>;

  Key key;
  Message message;
  std::uint64_t sequence;
  unsigned attempts;
  death why;
  std::optional<std::string> reason;      ///< see outcome::because()
  std::optional<std::string> first_error; ///< what it said; what is no UTF-8 is U+FFFD there
  std::optional<std::string> last_error;
  std::optional<time_point> first_failed;
  time_point died;
  bool redriven;              ///< by redrive_dead_letters()
  std::uint64_t line;         ///< in the file; the first is 1
  std::vector<Key> keys = {}; ///< of a joint message: all, as they were given. Else empty.
};

/// The letters of a file, in its order, read once: an input range of dead_letter_record. See
/// read_dead_letters(). One thread at a time. Neither copied nor moved.
template <class Key, class Message>
class dead_letter_reader {
public:
  using record = dead_letter_record<Key, Message>;
  using parse = dead_letter_parse<Key, Message>;

  /// Throws std::system_error if the file can't be opened, std::invalid_argument if a parser is
  /// needed.
  explicit dead_letter_reader(const std::string& path, parse how = {})
      : parse_(checked(std::move(how))), lines_(path) {}

  dead_letter_reader(const dead_letter_reader&) = delete;
  dead_letter_reader& operator=(const dead_letter_reader&) = delete;

  /// The next letter; null if there is none. It is valid until the next call. Throws
  /// bad_dead_letter for a bad line (it can be called again, and goes on behind it),
  /// std::system_error if the file can't be read, and what on_bad_line throws.
  record* next() {
    current_.reset();
    while (lines_.next())
      try {
        read_line();
        return &*current_;
      } catch (const bad_dead_letter& error) {
        if (!parse_.on_bad_line)
          throw;
        parse_.on_bad_line(error, lines_.line());
      }
    return nullptr;
  }

  class iterator {
  public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = record;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    explicit iterator(dead_letter_reader& from) : from_(&from), at_(from.next()) {}

    record& operator*() const noexcept { return *at_; }
    record* operator->() const noexcept { return at_; }
    iterator& operator++() {
      at_ = from_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept {
      return at.at_ == nullptr;
    }

  private:
    dead_letter_reader* from_ = nullptr;
    record* at_ = nullptr;
  };

  /// Reads the first, or the next, letter.
  [[nodiscard]] iterator begin() { return iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// Bytes at the end of the file that are no whole line: somebody is writing it, or was killed
  /// meanwhile. Known at the end.
  [[nodiscard]] std::size_t torn() const noexcept { return lines_.torn(); }

private:
  template <class, class, class>
  friend class detail::file_redrive;

  /// Of a file that somebody else has open, for as long as this lives.
  dead_letter_reader(const detail::owned_file& file, const std::string& path, parse how)
      : parse_(checked(std::move(how))), lines_(file.descriptor(), path) {}

  /// Where the file says whether the letter was redriven. Throws bad_dead_letter if it does not.
  [[nodiscard]] std::uint64_t mark() const {
    if (mark_ == 0)
      throw bad_dead_letter(lines_.path(), lines_.number(),
                            "an older version wrote it, without a place to mark that it was "
                            "redriven; put ,\"redriven\":0 before ,\"message\"");
    return mark_;
  }

  static parse checked(parse how) {
    constexpr const char* must =
        "set where it is neither an integer nor a std::string, which are parsed by themselves";
    if (!how.key)
      detail::refuse("convoy::read_dead_letters: dead_letter_parse::key", must, "empty");
    if (!how.message)
      detail::refuse("convoy::read_dead_letters: dead_letter_parse::message", must, "empty");
    return how;
  }

  void read_line() {
    try {
      auto line = detail::parse_letter(lines_.line());
      mark_ = line.mark == 0 ? 0 : lines_.offset() + line.mark;
      current_.emplace(record{parse_.key(line.key),
                              parse_.message(line.message),
                              line.sequence,
                              line.attempts,
                              line.why,
                              std::move(line.reason),
                              std::move(line.first_error),
                              std::move(line.last_error),
                              line.first_failed,
                              line.died,
                              line.redriven,
                              lines_.number(),
                              {}});
      for (const auto& each : line.keys)
        current_->keys.push_back(parse_.key(each));
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      throw bad_dead_letter(lines_.path(), lines_.number(), error.what());
    }
  }

  const parse parse_;
  detail::line_reader lines_;
  std::optional<record> current_;
  std::uint64_t mark_ = 0; // where the file says whether it was redriven; 0: nowhere
};

/// The letters that a dead_letter_file has written:
///
///   for (auto& letter : convoy::read_dead_letters<std::string, int>("dead.jsonl"))
///     std::cout << letter.key << ": " << letter.last_error.value_or("?") << '\n';
///
///   convoy::read_dead_letters<int, order>(path, {.message = [](std::string_view json) { … }})
///
/// They come back as they were, byte for byte. A last line without its end is none. Others may
/// write to the file meanwhile. A line that no dead_letter_file has written throws bad_dead_letter,
/// or goes to dead_letter_parse::on_bad_line. Throws as dead_letter_reader.
template <class Key, class Message>
[[nodiscard]] dead_letter_reader<Key, Message>
read_dead_letters(const std::string& path, dead_letter_parse<Key, Message> parse) {
  return dead_letter_reader<Key, Message>(path, std::move(parse));
}
template <class Key, class Message>
[[nodiscard]] dead_letter_reader<Key, Message> read_dead_letters(const std::string& path) {
  detail::must_have_plain_parse<Key, Message>();
  return dead_letter_reader<Key, Message>(path);
}

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
