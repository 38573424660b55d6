#pragma once

// A processor with each of its options switched on, one at a time, behind one interface; and what the
// documents name as its exceptions from the promises.

#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace each_option {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using number = std::uint64_t;

struct plain_message {
  number n;
  bool failed = false; // once
  number merged = 0;   // others, into this one
};
using with_id = convoy::envelope<plain_message, number>;
/// Three in four are shared.
struct read_message : plain_message {
  [[nodiscard]] bool is_shared() const { return n % 4 != 0; }
};

} // namespace each_option

template <>
struct convoy::message_traits<each_option::read_message> {
  static convoy::access access(const each_option::read_message& m) noexcept {
    return m.is_shared() ? access::shared : access::exclusive;
  }
};

namespace each_option {

/// What the handlers of a subject do, and what they saw.
class handling {
public:
  static constexpr number few = 64; ///< keys whose order is checked
  static constexpr number none = ~number{0};

  std::atomic<number> finished{0};
  std::atomic<number> out_of_order{0};
  std::atomic<int> at_the_gate{0};

  void hold_all(bool yes) { set(all_held_, yes); }
  void hold(number key) { set(held_, key); }

  /// At the beginning of a handler.
  void begin(number key) {
    ++at_the_gate;
    if (held_ == key)
      held_.wait(key);
    else
      all_held_.wait(true);
    --at_the_gate;
  }
  void finish(number key, number n) {
    if (key < few && n < std::exchange(last_[key], n))
      ++out_of_order;
    ++finished;
  }
  void handle(number key, number n) {
    begin(key);
    finish(key, n);
  }
  /// Of a message that others of its key may run beside.
  void handle_shared(number key, number n) {
    begin(key);
    if (key < few && n < last_[key])
      ++out_of_order;
    ++finished;
  }

private:
  template <class T>
  static void set(std::atomic<T>& what, T to) {
    what = to;
    what.notify_all();
  }

  std::atomic<bool> all_held_{false};
  std::atomic<number> held_{none};
  number last_[few] = {}; // each key's handlers that write it run alone
};

struct sizes {
  std::size_t capacity = std::size_t{1} << 20;
  unsigned partitions = 0;
};

class subject {
public:
  subject() = default;
  subject(const subject&) = delete;
  subject& operator=(const subject&) = delete;
  virtual ~subject() = default;
  virtual submit_status submit(number key, number n) = 0; ///< does not wait
  virtual void drain() = 0;
  virtual void close() = 0;
  [[nodiscard]] virtual convoy::account account() = 0;
};

inline number number_of(number key) {
  return key;
}
inline number number_of(const std::string& key) {
  return std::stoull(key);
}
inline plain_message& body(plain_message& m) {
  return m;
}
inline plain_message& body(with_id& e) {
  return e.message;
}

template <class Key, class Message, class State = void>
class processor_subject : public subject {
public:
  using processor_type = convoy::processor<Key, Message, State>;
  using options = typename processor_type::options;

  template <class Handler>
  processor_subject(convoy::runtime& rt, sizes s, Handler handler, options wanted)
      : p(rt, std::move(handler), sized(std::move(wanted), s)) {}

  submit_status submit(number key, number n) override {
    return p.try_submit(key_of(key), message_of(n));
  }
  void drain() override { p.drain(); }
  void close() override { p.close(); }
  convoy::account account() override { return p.account(); }

  static Key key_of(number key) {
    if constexpr (std::is_same_v<Key, std::string>)
      return std::to_string(key); // short: it needs no memory
    else
      return key;
  }
  static Message message_of(number n) {
    if constexpr (std::is_same_v<Message, plain_message>)
      return {n};
    else if constexpr (std::is_same_v<Message, read_message>)
      return {{n}};
    else
      return {.message = {n},
              .deadline = std::chrono::steady_clock::now() + 1h,
              .id = n}; // an id of its own
  }

  processor_type p;

private:
  static options sized(options wanted, sizes s) {
    wanted.capacity = s.capacity;
    wanted.partitions = s.partitions;
    return wanted;
  }
};
using simple = processor_subject<number, plain_message>;

using maker = std::function<std::unique_ptr<subject>(convoy::runtime&, handling&, sizes)>;

/// A subject, and its exceptions.
struct row {
  const char* name;
  maker make;
  double allocations = 0;         ///< for each message
  bool for_new_keys_only = false; ///< these
  bool waits_for_times = false;   ///< so how much it needs differs from one time to the next
  std::size_t bytes_of_idle_key = 0;
  std::size_t kept_bytes =
      0;                ///< by the runtime: the blocks of coroutines, see tuning::most_bundles
  double locks = 0;     ///< of a submit
  bool by_time = false; ///< order is that of times, and a submit waits for room
};
inline std::ostream& operator<<(std::ostream& out, const row& r) {
  return out << r.name;
}

/// A handler of messages one by one, with options that change nothing for it.
template <class Key = number, class Message = plain_message>
maker quiet(typename processor_subject<Key, Message>::options wanted) {
  return [wanted](convoy::runtime& rt, handling& h, sizes s) -> std::unique_ptr<subject> {
    return std::make_unique<processor_subject<Key, Message>>(
        rt, s, [&h](const Key& key, Message& m) { h.handle(number_of(key), body(m).n); }, wanted);
  };
}

/// `handler(handling&, …)` is called with what a handler gets.
template <class Subject = simple, class Handler, class... Given>
maker with(Handler handler, typename Subject::options wanted, std::type_identity<void(Given...)>) {
  return [=](convoy::runtime& rt, handling& h, sizes s) -> std::unique_ptr<subject> {
    return std::make_unique<Subject>(
        rt, s, [handler, &h](Given... given) { return handler(h, given...); }, wanted);
  };
}
using one_by_one = std::type_identity<void(const number&, plain_message&)>;
using spans = std::type_identity<void(const number&, std::span<plain_message>)>;
using with_state = std::type_identity<void(const number&, plain_message&, int&)>;
using of_shared = std::type_identity<void(const number&, read_message&)>;
using with_context = std::type_identity<void(simple::processor_type::context&, plain_message&)>;

struct scheduled : simple {
  using simple::simple;
  submit_status submit(number key, number n) override {
    return p.submit_after(key, 100us, plain_message{n}).status();
  }
};
/// Of one key, so that it takes one place.
struct joint : simple {
  using simple::simple;
  submit_status submit(number key, number n) override {
    return p.try_submit_joint({key}, plain_message{n});
  }
};
struct fenced : simple {
  using simple::simple;
  submit_status submit(number key, number n) override {
    const auto status = simple::submit(key, n);
    if (status == submit_status::accepted)
      p.fence(key, [] {});
    return status;
  }
};

/// Each lane parks, and is resumed at once.
class resumed : public subject {
public:
  resumed(convoy::runtime& rt, handling& h, sizes s)
      : in_(rt, s,
            [&h](const number& key, plain_message& m) {
              h.begin(key);
              if (!std::exchange(m.failed, true))
                return outcome::park;
              h.finish(key, m.n);
              return outcome::done;
            },
            {.on_parked = [this](const number& key, const std::exception_ptr&) {
              in_.p.resume(key);
            }}) {}
  submit_status submit(number key, number n) override { return in_.submit(key, n); }
  void drain() override { in_.drain(); }
  void close() override { in_.close(); }
  convoy::account account() override { return in_.account(); }

private:
  simple in_;
};

class stored : public subject {
public:
  stored(convoy::runtime& rt, handling& h, sizes s)
      : in_(rt, s,
            [&h](const number& key, plain_message& m) {
              h.handle(key, m.n);
              return outcome::skip;
            },
            {.dead_letters = std::ref(store_)}) {}
  submit_status submit(number key, number n) override { return in_.submit(key, n); }
  void drain() override {
    in_.drain();
    (void)store_.take_all();
  }
  void close() override { in_.close(); }
  convoy::account account() override { return in_.account(); }

private:
  convoy::dead_letter_store<number, plain_message> store_{{.capacity = 1 << 20}};
  simple in_;
};

class executor : public subject {
public:
  executor(convoy::runtime& rt, handling& h, sizes s)
      : handling_(h), in_(rt, {.capacity = s.capacity, .partitions = s.partitions}) {}
  submit_status submit(number key, number n) override {
    return in_.try_submit(key, [this, key, n] { handling_.handle(key, n); });
  }
  void drain() override { in_.drain(); }
  void close() override { in_.close(); }
  convoy::account account() override { return in_.tasks().account(); }

private:
  handling& handling_;
  convoy::keyed_executor<number> in_;
};

template <class Subject>
maker made() {
  return [](convoy::runtime& rt, handling& h, sizes s) -> std::unique_ptr<subject> {
    return std::make_unique<Subject>(rt, h, s);
  };
}

} // namespace each_option
