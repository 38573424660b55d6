// So many a second, without a sleep per record.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

namespace brokers {

class pace {
public:
  explicit pace(std::int64_t a_second) : a_second_{a_second} {}

  // Returns when the next one is due. The system's sleeps are too coarse for one record, so some come in a burst.
  void wait() {
    using namespace std::chrono;
    ++count_;
    if (a_second_ > 0) {
      const auto due = begin_ + duration_cast<steady_clock::duration>(duration<double>(
                                    static_cast<double>(count_) / static_cast<double>(a_second_)));
      if (due - steady_clock::now() > 1ms) {
        std::this_thread::sleep_until(due);
      }
    }
  }

private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::int64_t a_second_;
  std::int64_t count_ = 0;
};

} // namespace brokers
