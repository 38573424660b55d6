#pragma once

// What becomes of a record by what its command says.

#include "consume/command.hpp"
#include "consume/record_view.hpp"

#include <atomic>
#include <convoy/failure.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace convoy::tool {

enum class verdict {
  done,
  retry,
  skip,      ///< a dead letter
  give_back, ///< it is not finished, and read again next time
};

struct answer {
  verdict what = verdict::done;
  std::string reason = {};
};

struct command_counts {
  std::uint64_t begun = 0, done = 0, failed = 0, put_off = 0, timed_out = 0;
};

/// The handler of every broker's records. Any thread.
class handling {
public:
  static constexpr int put_off_status = 75;                                 ///< EX_TEMPFAIL
  static constexpr int skip_status = 65;                                    ///< EX_DATAERR
  static constexpr int not_executable_status = 126, not_found_status = 127; ///< of shells

  handling(command_runner& runner, unsigned attempts) : runner_{runner}, attempts_{attempts} {}

  answer handle(const record_view&, unsigned call);

  /// No command begins any more.
  void stop() noexcept { is_stopping_ = true; }
  [[nodiscard]] bool is_stopping() const noexcept { return is_stopping_; }

  /// Stops: a record has failed for good, and its dead letter has nowhere to go.
  void fail_for_good(const std::string& which, std::string reason, std::string_view option);
  /// Stops: it says why it can't go on.
  void stop_with(std::string trouble);
  /// Why it can't go on, if something has stopped it.
  [[nodiscard]] std::optional<std::string> trouble() const;

  [[nodiscard]] command_counts counts() const;

private:
  using place = std::pair<std::string, std::uint64_t>;

  answer judge(const command_end&, const place&);
  answer fail(const place&, std::string reason);
  answer give_up(std::string why);
  void forget(const place&);

  command_runner& runner_;
  unsigned attempts_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<std::uint64_t> begun_{0}, done_{0}, failed_{0}, put_off_{0}, timed_out_{0};

  mutable std::mutex mutex_;
  std::map<place, unsigned> failures_; ///< of those that have failed and are tried again
  std::optional<std::string> trouble_;
};

/// "orders[3] offset 17", "orders sequence 17".
[[nodiscard]] std::string place_text(const record_view&);

/// What it is for the processor. A record that is given back is moved away and gone, unfinished.
template <class Record>
outcome to_outcome(const answer& said, Record& record) {
  switch (said.what) {
  case verdict::retry:
    return outcome::retry.because(said.reason);
  case verdict::skip:
    return outcome::skip.because(said.reason);
  case verdict::give_back: {
    [[maybe_unused]] const Record gone{std::move(record)};
    break;
  }
  case verdict::done:
    break;
  }
  return outcome::done;
}

} // namespace convoy::tool
