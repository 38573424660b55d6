#pragma once

// What other threads want of a partition's drainer: control of a key, fences, scheduled messages.

#include "convoy/detail/atomic.hpp"
#include "convoy/detail/outstanding.hpp"
#include "convoy/detail/scheduler.hpp"
#include "convoy/detail/timer_wheel.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace convoy::detail {

/// Complains on stderr about what a handler let out; the default of on_error.
void report_to_stderr(std::exception_ptr error) noexcept;

enum class served : unsigned char {
  done,
  later, ///< once more at the next visit
  kept,  ///< it has another owner now
};

template <class Partition>
class request {
public:
  request() = default;
  request(const request&) = delete;
  request& operator=(const request&) = delete;
  virtual ~request() = default;

  /// In the drainer's role, when the tickets below `ticket` have left the ring.
  virtual served serve(Partition& p) noexcept = 0;

  request* link = nullptr;
  std::uint64_t ticket = 0;
};

/// First in, first out. It owns them.
template <class Request>
class request_list {
public:
  request_list() = default;
  request_list(const request_list&) = delete;
  request_list& operator=(const request_list&) = delete;
  ~request_list() {
    while (first_ != nullptr)
      delete std::exchange(first_, first_->link);
  }

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

  void push(std::unique_ptr<Request> what) noexcept {
    what->link = nullptr;
    *end_ = what.get();
    end_ = &what.release()->link;
  }

  /// Behind those that have a lower ticket or the same. They come nearly in order.
  void insert(std::unique_ptr<Request> what) noexcept {
    if (first_ == nullptr || what->ticket >= last_ticket_) {
      last_ticket_ = what->ticket;
      return push(std::move(what));
    }
    auto** at = &first_;
    while ((*at)->ticket <= what->ticket)
      at = &(*at)->link;
    what->link = *at;
    *at = what.release();
  }

  /// The first, if its ticket is not above `consumed`; else null. Of a list that is filled by insert().
  [[nodiscard]] std::unique_ptr<Request> take_until(std::uint64_t consumed) noexcept {
    if (first_ == nullptr || first_->ticket > consumed)
      return nullptr;
    std::unique_ptr<Request> mine(std::exchange(first_, first_->link));
    if (first_ == nullptr)
      end_ = &first_;
    return mine;
  }

  /// Calls function(request&) for each; what is to be served later stays, in its order.
  template <class Function>
  void serve(Function&& function) noexcept {
    auto* each = std::exchange(first_, nullptr);
    end_ = &first_;
    while (each != nullptr) {
      std::unique_ptr<Request> mine(std::exchange(each, each->link));
      const auto how = function(*mine);
      push_if_later(how, std::move(mine));
    }
  }

  /// After it was served.
  void push_if_later(served how, std::unique_ptr<Request> what) noexcept {
    if (how == served::later)
      push(std::move(what));
    else if (how == served::kept)
      (void)what.release();
  }

private:
  Request* first_ = nullptr;
  Request** end_ = &first_;
  std::uint64_t last_ticket_ = 0; // of insert()
};

/// Requests that wait for lanes, by their keys' hashes. Grows with their number.
template <class Request>
class lane_watchers {
public:
  [[nodiscard]] request_list<Request>& of(std::uint32_t hash) noexcept {
    return lists_ == nullptr ? first_ : lists_[hash & (size_ - 1)];
  }

  /// Before one is pushed. `hash_of(request&)`.
  template <class HashOf>
  void add(std::uint32_t hash, std::unique_ptr<Request> what, HashOf&& hash_of) noexcept {
    if (++count_ > 4 * size_)
      grow(hash_of);
    of(hash).push(std::move(what));
  }
  void note_done() noexcept { --count_; }

private:
  template <class HashOf>
  void grow(HashOf&& hash_of) noexcept {
    const auto size = 8 * size_;
    std::unique_ptr<request_list<Request>[]> lists(new (std::nothrow) request_list<Request>[size]);
    if (lists == nullptr)
      return; // they get longer, that is all
    for (std::size_t i = 0; i < size_; ++i)
      (lists_ == nullptr ? first_ : lists_[i]).serve([&](Request& each) {
        lists[hash_of(each) & (size - 1)].push(std::unique_ptr<Request>(&each));
        return served::kept;
      });
    lists_ = std::move(lists);
    size_ = size;
  }

  request_list<Request> first_;
  std::unique_ptr<request_list<Request>[]> lists_; // instead of first_
  std::size_t size_ = 1;
  std::size_t count_ = 0;
};

/// A user's function that a pump calls as an item of its own, so that it delays no partition.
class callback final : runner, ready_item {
public:
  /// Until it was called `all` counts it; that lives in `owner`, which must live until then.
  callback(scheduler& where, std::function<void()> what, const void* owner, outstanding& all)
      : ready_item(static_cast<runner&>(*this)), scheduler_(where), call_(std::move(what)),
        owner_(owner), all_(all) {
    all_.begin();
  }

  /// If it was not made ready: it will not be called.
  ~callback() { all_.end(); }
  callback(const callback&) = delete;
  callback& operator=(const callback&) = delete;

  static void make_ready(std::unique_ptr<callback> what) noexcept {
    if (what != nullptr) {
      auto& ready = *what.release();
      ready.scheduler_.make_ready(ready);
    }
  }

  /// Made ready when the last owner lets it go.
  static std::shared_ptr<void> share(std::unique_ptr<callback> what) {
    struct owner {
      std::unique_ptr<callback> shared;
      owner() = default;
      owner(const owner&) = delete;
      owner& operator=(const owner&) = delete;
      ~owner() { make_ready(std::move(shared)); }
    };
    auto made = std::make_shared<owner>(); // if it throws, `what` is not called
    made->shared = std::move(what);
    return made;
  }

private:
  void run(ready_item&, pump& self) noexcept override {
    const std::unique_ptr<callback> mine(this);
    self.enter(owner_); // it can't be destroyed yet
    self.cover();
    try {
      call_();
    } catch (...) {
      report_to_stderr(std::current_exception());
    }
  }

  scheduler& scheduler_;
  const std::function<void()> call_;
  const void* const owner_;
  outstanding& all_;
};

/// What may be wanted of a lane.
enum class wish : unsigned char {
  pause,
  resume,
  purge,      ///< messages that its key was given before become dead letters
  fence,      ///< only tells when they are finished
  put_before, ///< messages that go in front of all
};

template <class Partition, class Key, class Message>
class lane_request final : public request<Partition> {
public:
  lane_request(wish its_wish, const Key& its_key, std::uint32_t its_hash)
      : what(its_wish), key(its_key), hash(its_hash) {}

  served serve(Partition& p) noexcept override { return p.lanes().serve(*this, p.ring.consumed()); }

  wish what;
  Key key;
  const std::uint32_t hash;
  std::unique_ptr<callback> then = nullptr; // when it is done
  std::vector<Message> messages = {};       // of put_before
  std::uint32_t remaining = 0; // of a fence or a purge: messages that are still before it
};

/// A fence of all keys: the partition's part.
template <class Partition>
class fence_part final : public request<Partition> {
public:
  served serve(Partition& p) noexcept override {
    return p.drained() < this->ticket ? served::later : served::done;
  }

  std::shared_ptr<void> then;
};

/// A message that gets its ticket when it is due. Its credit, and its place in its key's, are taken
/// from the beginning.
///
/// The word state_: pending; whoever sets it to something else has it. The drainer takes it when it is
/// due, and then it is a message like the others; cancel() discards it.
class cancellable {
public:
  cancellable() = default;
  cancellable(const cancellable&) = delete;
  cancellable& operator=(const cancellable&) = delete;
  virtual ~cancellable() = default;

  /// True: the caller has it.
  [[nodiscard]] bool take(bool to_discard) noexcept {
    auto expected = state::pending;
    // relaxed: it decides, and carries nothing
    return state_.compare_exchange_strong(expected, to_discard ? state::discarded : state::taken,
                                          std::memory_order_relaxed);
  }

  /// Its drainer should forget it, as it was taken to be discarded.
  virtual void forget_soon() noexcept = 0;

private:
  enum class state : unsigned char { pending, taken, discarded };
  atomic<state> state_{state::pending};
};

template <class Partition, class Key, class Message>
class scheduled_message final
    : public timer,
      public cancellable,
      public std::enable_shared_from_this<scheduled_message<Partition, Key, Message>> {
public:
  template <class Source>
  scheduled_message(Partition& where, const Key& its_key, std::uint64_t its_hash, Source&& source,
                    std::chrono::steady_clock::time_point when)
      : timer(timer_of::scheduled), home(where), key(its_key), hash(its_hash),
        message(std::forward<Source>(source)), at(when) {}

  void forget_soon() noexcept override;

  Partition& home;
  Key key;
  const std::uint64_t hash;
  Message message;
  const std::chrono::steady_clock::time_point at;
  std::shared_ptr<scheduled_message> self = nullptr; // while it is in the wheel
};

/// Puts a scheduled message into the wheel, or takes a cancelled one out.
template <class Partition, class Key, class Message>
class schedule_request final : public request<Partition> {
public:
  using message_type = scheduled_message<Partition, Key, Message>;

  void set(std::shared_ptr<message_type> what) noexcept { message_ = std::move(what); }

  served serve(Partition& p) noexcept override {
    p.schedule(std::move(message_));
    return served::done;
  }

private:
  std::shared_ptr<message_type> message_;
};

template <class Partition, class Key, class Message>
class forget_request final : public request<Partition> {
public:
  using message_type = scheduled_message<Partition, Key, Message>;

  explicit forget_request(std::shared_ptr<message_type> what) : message_(std::move(what)) {}

  served serve(Partition& p) noexcept override {
    p.forget(*message_);
    return served::done;
  }

private:
  std::shared_ptr<message_type> message_;
};

template <class Partition, class Key, class Message>
void scheduled_message<Partition, Key, Message>::forget_soon() noexcept {
  try {
    home.post(std::make_unique<forget_request<Partition, Key, Message>>(this->shared_from_this()));
  } catch (...) { // out of memory: when it is due. NOLINT(bugprone-empty-catch)
  }
}

} // namespace convoy::detail
