#pragma once

// Dead letters on their way to a topic.

#include "client.hpp"
#include "flying_record.hpp"

#include <atomic>
#include <chrono>
#include <convoy/detail/source/lanes.hpp>
#include <convoy/kafka/options.hpp>
#include <convoy/kafka/record.hpp>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace convoy::kafka::detail {

/// Workers send; the reader polls: it finishes what has arrived, and sends again what has not. A
/// letter that is on its way keeps its assignment's gate open, so whoever takes a partition away waits
/// for it as for a handler.
class letters final : public convoy::detail::letter_box<record> {
public:
  /// Throws std::invalid_argument, error.
  explicit letters(const reader_options& wanted);
  letters(const letters&) = delete;
  letters& operator=(const letters&) = delete;
  ~letters(); ///< what has not arrived is released unfinished

  [[nodiscard]] rd_kafka_t* client() const noexcept { return client_.get(); }
  [[nodiscard]] const complaints& said() const noexcept { return said_; }

  void send(dead_letter<std::string, record>& letter) override;

  /// Serves what has arrived. Never waits.
  void poll();

private:
  struct sent;
  class envelope;
  struct refusal {
    std::string text;
    bool for_good;
  };

  static void on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  void tell_refused();
  void tell(const std::string& what, bool for_good);
  [[nodiscard]] std::string refusal_of(const flying_record& its, rd_kafka_resp_err_t code) const;
  void arrived(std::unique_ptr<sent> letter, rd_kafka_resp_err_t code);
  [[nodiscard]] rd_kafka_resp_err_t produce(sent& letter);

  const reader_options& options_;
  complaints said_;
  owned<rd_kafka_t> client_;
  std::atomic<std::size_t> on_their_way_{0};

  std::mutex refused_lock_;
  std::vector<refusal> refused_; // letters that librdkafka has not taken

  // ---- the reader's ----
  std::vector<std::unique_ptr<sent>> again_; // what was refused
  std::chrono::steady_clock::time_point send_again_at_{};
  bool told_ = false;             // that letters do not arrive
  std::set<std::string> told_of_; // that librdkafka takes them never
};

} // namespace convoy::kafka::detail
