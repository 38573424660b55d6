// watermark: two threads that finish against the reader, which takes in what they finished, and delivers
// again under the same numbers. What a handler wrote is plain.

#include "convoy/watermark.hpp"
#include "protocols.hpp"

#include <array>
#include <cstdint>
#include <memory>

namespace {

using convoy::watermark;
using convoy::detail::atomic;
using model::at_once;
using model::expect_holds;
using model::expect_holds_at_random;

constexpr std::size_t most = 4;

struct handled {
  std::array<int, most> by_number{}; // plain: the handler's, then the reader's
  watermark marks{most};

  watermark::number must_deliver(std::uint64_t position) {
    const auto number = marks.deliver(position);
    model::check(number.has_value(), "full");
    return number.value_or(0);
  }
  void handle(watermark::number its) {
    ++by_number[its];
    marks.finish(its);
  }
  /// The next handler of the number begins at 0 again.
  std::size_t collect() {
    return marks.collect([this](watermark::number its) noexcept {
      model::check(by_number[its] == 1, "taken in before it was handled, or twice");
      by_number[its] = 0;
    });
  }
};

TEST(watermark, two_that_finish_against_the_reader) {
  expect_holds([] {
    const auto h = std::make_unique<handled>();
    const auto one = h->must_deliver(0), other = h->must_deliver(1);
    std::size_t count = 0;
    at_once({[&] { h->handle(one); }, [&] { h->handle(other); },
             [&] {
               count += h->collect();
               count += h->collect();
             }});
    count += h->collect();
    model::check(count == 2 && h->marks.lowest() == 2, "lost");
  });
}

/// All below lowest() is handled, whenever the reader looks.
TEST(watermark, lowest_is_never_ahead) {
  expect_holds([] {
    const auto h = std::make_unique<handled>();
    std::array<int, 2> done{}; // plain, by position
    const auto first = h->must_deliver(0), second = h->must_deliver(1);
    at_once({[&] {
               done[0] = 1;
               h->marks.finish(first);
             },
             [&] {
               done[1] = 1;
               h->marks.finish(second);
             },
             [&] {
               h->marks.collect();
               for (std::uint64_t i = 0; i < h->marks.lowest(); ++i)
                 model::check(done[i] == 1, "passed over");
             }});
  });
}

/// The reader hands a number on a second time as soon as it was finished once.
TEST(watermark, a_number_that_is_used_again) {
  expect_holds(
      [] {
        const auto h = std::make_unique<handled>();
        std::array<atomic<std::uint32_t>, 2> handed{}; // number + 1, to each of both
        const auto first = h->must_deliver(0);
        std::size_t count = 0;
        const auto wait_and_handle = [&](std::size_t me) {
          if (const auto number = handed[me].load(std::memory_order_acquire); number != 0)
            h->handle(number - 1);
        };
        at_once({[&] {
                   h->handle(first);
                   wait_and_handle(0);
                 },
                 [&] { wait_and_handle(1); },
                 [&] {
                   count += h->collect();
                   if (count == 0)
                     return;
                   const auto again = h->must_deliver(1);
                   model::check(again == first, "another number");
                   handed[1].store(again + 1, std::memory_order_release);
                   count += h->collect();
                 }});
        count += h->collect();
        model::check(count + h->marks.unfinished() == h->marks.end(), "lost, or taken in twice");
      },
      {.preemptions = 2});
}

TEST(watermark, many_rounds) {
  expect_holds_at_random(2'000, [] {
    const auto h = std::make_unique<handled>();
    constexpr std::uint32_t rounds = 4;
    std::array<std::array<atomic<std::uint32_t>, rounds>, 2> handed{}; // number + 1
    std::size_t count = 0;
    const auto finish_all = [&](std::size_t me) {
      for (auto& next : handed[me]) {
        std::uint32_t number = 0;
        for (int look = 0; look < 3 && number == 0; ++look)
          number = next.load(std::memory_order_acquire);
        if (number == 0)
          return;
        h->handle(number - 1);
      }
    };
    at_once({[&] { finish_all(0); }, [&] { finish_all(1); },
             [&] {
               for (std::uint32_t i = 0; i < 2 * rounds; ++i) {
                 if (h->marks.room() == 0)
                   count += h->collect();
                 const auto number = h->marks.deliver(i);
                 if (!number)
                   break;
                 handed[i % 2][i / 2].store(*number + 1, std::memory_order_release);
               }
             }});
    count += h->collect();
    model::check(count + h->marks.unfinished() == h->marks.end(), "lost, or taken in twice");
  });
}

} // namespace
