#pragma once

// A message that is asked: it carries what completes the coroutine that asks.

#include "convoy/await.hpp"
#include "convoy/detail/shared/core.hpp"
#include "convoy/detail/task/completing.hpp"
#include "convoy/message.hpp"
#include "convoy/status.hpp"

#include <concepts>
#include <coroutine>
#include <exception>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace convoy::detail {

/// Where the answer of a message goes: a completion, its member `answer` or what its traits say.
template <class Message>
[[nodiscard]] auto& answer_of(Message& message) noexcept {
  if constexpr (requires { message_traits<Message>::answer(message); })
    return message_traits<Message>::answer(message);
  else
    return message.answer;
}

template <class T>
inline constexpr bool is_completion = false;
template <class T>
inline constexpr bool is_completion<completion<T>> = true;

template <class Message>
consteval bool has_answer() {
  if constexpr (requires(Message & m) { message_traits<Message>::answer(m); })
    return is_completion<
        std::remove_cvref_t<decltype(message_traits<Message>::answer(std::declval<Message&>()))>>;
  else if constexpr (requires(Message & m) { m.answer; })
    return is_completion<std::remove_cvref_t<decltype(std::declval<Message&>().answer)>>;
  else
    return false;
}

template <class Message, class T>
consteval bool has_answer_of() {
  if constexpr (has_answer<Message>())
    return std::is_same_v<std::remove_cvref_t<decltype(answer_of(std::declval<Message&>()))>,
                          completion<T>>;
  else
    return false;
}
template <class Message, class T>
inline constexpr bool answers = has_answer_of<Message, T>();

template <class T>
struct value_of_completion;
template <class T>
struct value_of_completion<completion<T>> {
  using type = T;
};
template <class Message>
using answer_type = typename value_of_completion<
    std::remove_cvref_t<decltype(answer_of(std::declval<Message&>()))>>::type;

/// A key's name in the text of an error.
template <class Core>
[[nodiscard]] std::string name_of_key(const Core& core, const typename Core::key_type& key) {
  const auto& label = core.options.insight.label;
  if (!label.is_private())
    return label(key);
  if constexpr (has_plain_label<typename Core::key_type>)
    return plain_label(key);
  else
    return "a key with hash " + std::to_string(core.scattered_hash(key));
}

template <class Core>
inline constexpr key_rules rules_of_keys{
    [](const void* core, const void* a, const void* b) noexcept {
      using key = typename Core::key_type;
      return static_cast<bool>(static_cast<const Core*>(core)->equal(*static_cast<const key*>(a),
                                                                     *static_cast<const key*>(b)));
    },
    [](const void* core, const void* key) {
      const auto& c = *static_cast<const Core*>(core);
      auto name = name_of_key(c, *static_cast<const typename Core::key_type*>(key));
      return c.options.name.empty() ? name : c.options.name + "/" + name;
    }};

template <class Core>
[[nodiscard]] key_place place_of(const Core& core, const typename Core::key_type& key) {
  return {&rules_of_keys<Core>, &core, &key, core.scattered_hash(key)};
}

/// `Submitter` accepts the message, or says why not, and never waits.
template <class Submitter>
class ask_await final
    : public completing_await<answer_type<typename Submitter::core_type::message_type>> {
  using Core = typename Submitter::core_type;
  using Key = typename Core::key_type;
  using Message = typename Core::message_type;
  using value_type = answer_type<Message>;

public:
  ask_await(suspension& s, Submitter& to, const Core& core, key_place from, Key&& key,
            Message&& message)
      : completing_await<value_type>(s), to_(to), core_(core), from_(from), key_(std::move(key)),
        message_(std::move(message)) {}
  ask_await(const ask_await&) = delete;
  ask_await& operator=(const ask_await&) = delete;
  ~ask_await() {
    if (edge_ != nullptr)
      forget(*edge_);
  }

  [[nodiscard, gnu::noinline]] bool await_suspend(std::coroutine_handle<> handler) {
    auto* const asks = asking<value_type>::make();
    return this->suspend(handler, *asks, [&](completion<value_type>&& answer) {
      asks->edge.from = from_;
      asks->edge.to = place_of(core_, key_);
      if (auto keys = note(asks->edge); !keys.empty())
        throw would_deadlock(std::move(keys));
      edge_ = &asks->edge;
      answer_of(message_) = std::move(answer);
      if (const auto status = to_.emplace(key_, std::move(message_));
          status != submit_status::accepted)
        throw refused(status);
    });
  }

private:
  Submitter& to_;
  const Core& core_;
  const key_place from_;
  const Key key_;
  Message message_;
  ask_edge* edge_ = nullptr;
};

/// What processor::ask() returns.
template <class Submitter>
class [[nodiscard]] ask_begin {
  using Core = typename Submitter::core_type;
  using Key = typename Core::key_type;
  using Message = typename Core::message_type;

public:
  ask_begin(Submitter& to, const Core& core, key_place from, const Key& key, Message&& message)
      : to_(to), core_(core), from_(from), key_(key), message_(std::move(message)) {}

  [[nodiscard]] ask_await<Submitter> awaiter(suspension& s) && {
    return {s, to_, core_, from_, std::move(key_), std::move(message_)};
  }

private:
  Submitter& to_;
  const Core& core_;
  key_place from_;
  Key key_;
  Message message_;
};

} // namespace convoy::detail
