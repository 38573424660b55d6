#pragma once

// Dead letters on their way to a subject.

#include "client.hpp"

#include <atomic>
#include <chrono>
#include <convoy/detail/source/lanes.hpp>
#include <convoy/nats/options.hpp>
#include <convoy/nats/record.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace convoy::nats::detail {

/// What the stream that takes a letter in answers: empty, it has it; else why not.
[[nodiscard]] std::string refusal_in(std::string_view answer);

/// Workers send; the reader polls: it finishes what a stream has taken in, and sends again what none
/// has. A letter that is on its way keeps its assignment's gate open, so that run() waits for it in the
/// end as for a handler. One that is sent again has the same Nats-Msg-Id: streams keep it once.
class letters final : public convoy::detail::letter_box<record> {
public:
  explicit letters(const reader_options& wanted);
  letters(const letters&) = delete;
  letters& operator=(const letters&) = delete;
  ~letters(); ///< what has not arrived is released unfinished

  /// Before the first record. Throws error.
  void begin(const client& by);

  void send(dead_letter<std::string, record>& letter) override;

  /// Serves what was answered. Never waits.
  void poll();

private:
  struct sent;

  void answered(natsMsg& answer);
  void nobody_answers();
  void send_again();
  void failed(sent& letter, const std::string& why);
  void tell_failed();

  const reader_options& options_;
  const client* by_ = nullptr;
  std::string inbox_;
  owned<natsSubscription> answers_; // the reader's
  bool told_ = false;               // that letters do not arrive; the reader's

  std::mutex lock_;    // not held while the user is told
  std::string failed_; // about a letter that does not arrive, to be told of
  std::map<std::uint64_t, std::unique_ptr<sent>> on_their_way_;
  std::uint64_t next_id_ = 0;
  // So that poll() has nothing to lock for.
  std::atomic<std::size_t> count_{0}; // of them
  std::atomic<bool> has_failed_{false};
};

} // namespace convoy::nats::detail
