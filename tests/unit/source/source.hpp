#pragma once

// A broker's reader, without a broker: the tests say what comes, and when partitions go.

#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/detail/source/intake.hpp>
#include <convoy/detail/source/lanes.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace source_test {

using convoy::outcome;
using convoy::progress;
using convoy::runtime;
using convoy::source_account;
using convoy::detail::assignment;
using convoy::detail::clock;
using convoy::detail::delivery;
using convoy::detail::delivery_holder;
using convoy::detail::intake;
using convoy::detail::intake_options;

/// A record's memory. How many there are tells whether an assignment is still there.
class flying final : public delivery {
public:
  flying() { alive.fetch_add(1); }
  flying(const flying&) = delete;
  flying& operator=(const flying&) = delete;
  ~flying() override { alive.fetch_sub(1); }

  int content = 0;

  static inline std::atomic<int> alive{0};
  static inline std::atomic<bool> no_memory{false};
  static std::unique_ptr<delivery> make() {
    if (no_memory.load())
      throw std::bad_alloc();
    return std::make_unique<flying>();
  }
};

struct access;

class record {
public:
  [[nodiscard]] int content() const noexcept {
    return static_cast<const flying*>(flight_.get())->content;
  }
  void done() noexcept { flight_.get()->finished = true; }

private:
  friend access;
  template <class, class>
  friend class convoy::detail::guarded;

  explicit record(delivery& of) noexcept : flight_(of) {}
  [[nodiscard]] delivery_holder& flight() noexcept { return flight_; }

  delivery_holder flight_;
};

struct access {
  [[nodiscard]] static record make(delivery& of) noexcept { return record(of); }
  [[nodiscard]] static delivery* of(record& from) noexcept { return from.flight().get(); }
};

using letter = convoy::dead_letter<std::string, record>;
using sink = convoy::detail::record_sink<record, access>;
using letter_box = convoy::detail::letter_box<record>;

/// What handlers and sinks have seen.
class contents {
public:
  void add(int one) {
    const std::lock_guard lock(lock_);
    all_.push_back(one);
  }
  template <class Some>
  void add_all(Some& some) {
    for (record& each : some)
      add(each.content());
  }
  [[nodiscard]] std::vector<int> all() const {
    const std::lock_guard lock(lock_);
    return all_;
  }
  [[nodiscard]] std::size_t size() const { return all().size(); }

private:
  mutable std::mutex lock_;
  std::vector<int> all_;
};

inline intake_options usual() {
  return {.records = 1000,
          .bytes = 1'000'000,
          .blocked_after = std::chrono::hours(1),
          .then = convoy::blocked::report,
          .report = {}};
}

template <class State = void>
class source {
public:
  using lanes_type = convoy::detail::processor_lanes<record, State>;
  using options = typename lanes_type::options;

  template <class Handler>
  explicit source(Handler handler, options wanted = {}, intake_options bounds = usual(),
                  bool parks = false)
      : books_(with_reports(std::move(bounds))),
        lanes_(runtime_, std::move(handler), std::move(wanted), parks) {}

  [[nodiscard]] intake& books() noexcept { return books_; }
  [[nodiscard]] lanes_type& lanes() noexcept { return lanes_; }
  [[nodiscard]] auto& processor() noexcept { return lanes_.get(); }
  [[nodiscard]] const std::vector<std::string>& reports() const noexcept { return reports_; }

  assignment& open(const std::string& name = "t[0]", progress before = {}) {
    return books_.open(name, before.lowest, before, &flying::make);
  }

  flying& deliver(assignment& home, std::uint64_t position, const std::string& key,
                  int content = -1, std::size_t bytes = 1) {
    auto& its = static_cast<flying&>(*home.begin(position));
    record held = access::make(its);
    its.content = content < 0 ? static_cast<int>(position) : content;
    its.bytes = bytes;
    its.key = key;
    its.since = clock::now();
    books_.count(its);
    lanes_.submit(its.key, std::move(held));
    return its;
  }

  [[nodiscard]] source_account account() {
    books_.collect();
    books_.publish([](const auto&, auto&) {});
    return books_.account();
  }
  [[nodiscard]] bool eventually_handled(std::uint64_t count) {
    return eventually([&] { return account().handled >= count; });
  }

  /// It is quiet in time.
  [[nodiscard]] bool quiet(std::chrono::nanoseconds within = patience) {
    return books_.wait_until_quiet(clock::now() + within, [] {});
  }
  /// All records of assignments that are gone are gone.
  [[nodiscard]] bool eventually_dropped() {
    return eventually([&] {
      books_.collect();
      return flying::alive.load() == 0;
    });
  }

private:
  intake_options with_reports(intake_options bounds) {
    bounds.report = [this](std::string_view what) { reports_.emplace_back(what); };
    return bounds;
  }

  std::vector<std::string> reports_;
  runtime runtime_{{.concurrency = 2}};
  intake books_;
  lanes_type lanes_;
};

inline bool balanced(const source_account& its) {
  return its.read == its.handled + its.dead_letters + its.given_back;
}

} // namespace source_test
