#pragma once

// The thread in run(), and what it has.

#include "client.hpp"
#include "flying_record.hpp"
#include "headers.hpp"
#include "letters.hpp"
#include "place.hpp"
#include "position.hpp"

#include <chrono>
#include <convoy/detail/source/reader_loop.hpp>
#include <convoy/nats/consumer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace convoy::nats::detail {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// An ordered consumer, as libnats has one, but made again by the reader's thread: what comes in is
/// numbered by the server, and where a number is missing, or nothing comes from a server that should at
/// least say that it is there, a new consumer begins after the last message that was read. What the
/// server may send ahead is bounded by flow control: libnats asks for more when messages are taken.
struct reader final : convoy::detail::record_reader<record> {
  /// They were checked.
  explicit reader(reader_options wanted);

  // ---- run() ----

  [[nodiscard]] letters* dead_letters() noexcept override { return letter_box.get(); }
  source_account run(convoy::detail::record_lanes<record>& to) override;
  [[nodiscard]] bool begin() override;
  void leave() override;
  void hand_in();

  // ---- what comes in ----

  void subscribe();
  void unsubscribe();
  [[nodiscard]] bool read_one(milliseconds wait) override;
  void take(natsMsg& message);
  void hand_on(natsMsg& message, const place& at);
  void begin_again();

  // ---- the rest ----

  void serve() override;
  void look() override;
  void look_at_connection();
  void look_at_positions();
  void commit() override;

  struct ended_subscription {
    owned<natsSubscription> which;
    clock::time_point since;
  };

  const reader_options options;
  std::vector<ended_subscription> ended; // the last ones go after the connection
  std::unique_ptr<letters>
      letter_box; // its letters are of the books' assignments, and its answers go likewise
  client server;
  owned<natsOptions> configured;

  // ---- of the thread in run() ----
  convoy::detail::record_lanes<record>* lanes = nullptr;
  stream_state stream;
  std::optional<position> kept;
  convoy::detail::assignment* home = nullptr;
  owned<natsSubscription> messages;
  std::uint64_t next_delivery = 1; // of that subscription
  std::uint64_t pending = 0;       // after the last message that was read
  bool is_doubtful = false; // what the subscription has still is read, then another one is made
  clock::time_point try_again_at{};
  std::uint64_t reconnects = 0, doubts_before = 0;
  bool is_cut_off = false;   // told that the server can't be reached
  bool commits_fail = false; // told
  bool no_answer_told = false;
  message_headers headers{options};
};

} // namespace convoy::nats::detail
