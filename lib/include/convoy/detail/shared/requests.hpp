#pragma once

// What other threads want of a partition's drainer: control of a key, fences, scheduled messages.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/report.hpp"
#include "convoy/detail/base/thread_sanitizer.hpp"
#include "convoy/detail/ds/pending_count.hpp"
#include "convoy/detail/ds/timer_wheel.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/detail/shared/request_limit.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace convoy::detail {

/// When a request is served.
enum class turn : unsigned char {
  at_once,
  consumed, ///< when the tickets below its own have left the ring
  drained,  ///< when their messages are finished
};

template <class Partition>
class request {
public:
  explicit request(turn its_turn) noexcept : when(its_turn) {}
  request(const request&) = delete;
  request& operator=(const request&) = delete;
  virtual ~request() = default;

  /// In the drainer's role. False: it has another owner now.
  [[nodiscard]] virtual bool serve(Partition& p) noexcept = 0;

  const turn when;
  std::uint64_t ticket = 0;
  request* link = nullptr;
  request* below = nullptr; // in a heap
};

/// A user's function that a pump calls as an item of its own, so that it delays no partition.
class callback final : runner, ready_item {
public:
  /// Until it was called `all` counts it; that lives in `owner`, which must live until then.
  callback(scheduler& where, std::function<void()> what, const void* owner, pending_count& all,
           request_limit::permit permit)
      : ready_item(static_cast<runner&>(*this)), scheduler_(where), call_(std::move(what)),
        owner_(owner), all_(all), permit_(std::move(permit)) {
    all_.begin();
  }

  /// If it was not made ready: it will not be called.
  ~callback() {
    call_ = nullptr; // what it holds may use the processor, which may go afterwards
    permit_.give_back();
    all_.end();
  }
  callback(const callback&) = delete;
  callback& operator=(const callback&) = delete;

  /// The calling thread is in one.
  [[nodiscard]] static bool is_caller() noexcept {
    return pump::current() != nullptr && pump::current()->calls_back;
  }

  static void make_ready(std::unique_ptr<callback> what) noexcept {
    if (what != nullptr) {
      auto& ready = *what.release();
      auto& where = ready.scheduler_;
      tell_passed_on(static_cast<ready_item*>(&ready)); // from here on it is the runner's
      where.make_ready(ready);
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
  void run(ready_item& item, pump& self) noexcept override {
    tell_received(&item);
    self.enter(owner_); // it can't be destroyed yet
    self.cover();
    self.calls_back = true;
    try {
      call_();
    } catch (...) {
      report_to_stderr(thrower::then, std::current_exception());
    }
    call_ = nullptr; // its end is a part of the call
    self.calls_back = false;
    const auto* const owner = owner_;
    delete this;
    tell_passed_on(owner);
  }

  scheduler& scheduler_;
  std::function<void()> call_;
  const void* const owner_;
  pending_count& all_;
  request_limit::permit permit_;
};

/// What may be wanted of a lane.
enum class wish : unsigned char {
  pause,
  resume,
  try_now,    ///< what waits for a retry, or is parked, is tried again; its attempts count on
  purge,      ///< messages that its key was given before become dead letters
  fence,      ///< only tells when they are finished
  put_before, ///< messages that go in front of all
};

template <class Partition, class Key, class Message>
class lane_request final : public request<Partition> {
public:
  lane_request(wish its_wish, const Key& its_key, std::uint32_t its_hash)
      : request<Partition>(turn::consumed), what(its_wish), key(its_key), hash(its_hash) {}

  [[nodiscard]] bool serve(Partition& p) noexcept override {
    permit.give_back();
    return p.lanes().serve(*this, p.ring.consumed());
  }

  /// Nobody wants to know when it is done.
  [[nodiscard]] bool is_quiet_purge() const noexcept { return what == wish::purge && !then; }

  const wish what;
  Key key;
  const std::uint32_t hash;
  std::unique_ptr<callback> then = nullptr; // when it is done
  std::vector<Message> messages = {};       // of put_before
  std::uint32_t mark = 0;                   // see lane_requests
  request_limit::permit permit{};           // until it is served
};

/// Looks at a partition. Whoever waits for what it says may have given up when that comes.
template <class Partition, class Result>
class look_request final : public request<Partition> {
public:
  /// `look` must not throw.
  explicit look_request(std::function<Result(Partition&)> look)
      : request<Partition>(turn::at_once), look_(std::move(look)) {}

  [[nodiscard]] bool serve(Partition& p) noexcept override {
    if (!result->is_given_up())
      result->give(look_(p));
    callback::make_ready(std::move(then));
    return true;
  }

  class answer {
  public:
    void give(Result&& is) noexcept {
      const std::lock_guard lock(mutex_);
      is_ = std::move(is);
      changed_.notify_all();
    }
    /// Nothing: it did not come in time.
    [[nodiscard]] std::optional<Result> await(clock::time_point until) {
      std::unique_lock lock(mutex_);
      while (!is_ && clock::now() < until)
        changed_.wait_until(lock, until);
      return is_;
    }

    /// Nobody waits for it any more.
    void give_up() noexcept {
      const std::lock_guard lock(mutex_);
      given_up_ = true;
    }
    [[nodiscard]] bool is_given_up() noexcept {
      const std::lock_guard lock(mutex_);
      return given_up_;
    }

  private:
    mutex mutex_; // guards what follows
    condition_variable changed_;
    std::optional<Result> is_;
    bool given_up_ = false;
  };

  std::shared_ptr<answer> result = std::make_shared<answer>();
  std::unique_ptr<callback> then = nullptr;

private:
  const std::function<Result(Partition&)> look_;
};

/// A fence of all keys: the partition's part.
template <class Partition>
class fence_part final : public request<Partition> {
public:
  fence_part() noexcept : request<Partition>(turn::drained) {}

  [[nodiscard]] bool serve(Partition&) noexcept override { return true; }

  std::shared_ptr<void> then;
};

/// A message that gets its ticket when it is due. Its credit, and its place in its key's, are taken
/// from the beginning.
///
/// The word state_: pending; whoever sets it to something else has it. The drainer takes it when it
/// is due, and then it is a message like the others; cancel() discards it.
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
  schedule_request() noexcept : request<Partition>(turn::at_once) {}

  using message_type = scheduled_message<Partition, Key, Message>;

  void set(std::shared_ptr<message_type> what) noexcept { message_ = std::move(what); }

  [[nodiscard]] bool serve(Partition& p) noexcept override {
    p.schedule(std::move(message_));
    return true;
  }

private:
  std::shared_ptr<message_type> message_;
};

template <class Partition, class Key, class Message>
class forget_request final : public request<Partition> {
public:
  using message_type = scheduled_message<Partition, Key, Message>;

  explicit forget_request(std::shared_ptr<message_type> what)
      : request<Partition>(turn::at_once), message_(std::move(what)) {}

  [[nodiscard]] bool serve(Partition& p) noexcept override {
    p.forget(*message_);
    return true;
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
