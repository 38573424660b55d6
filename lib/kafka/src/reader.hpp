#pragma once

// The thread in run(), and what it has.

#include "client.hpp"
#include "commits.hpp"
#include "flying_record.hpp"
#include "letters.hpp"

#include <chrono>
#include <convoy/detail/source/reader_loop.hpp>
#include <convoy/kafka/consumer.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace convoy::kafka::detail {

using std::chrono::milliseconds;

struct reader final : convoy::detail::record_reader<record> {
  /// They were checked.
  explicit reader(reader_options wanted);

  // ---- run() ----

  [[nodiscard]] letters* dead_letters() noexcept override { return letter_box.get(); }
  source_account run(convoy::detail::record_lanes<record>& to) override;
  [[nodiscard]] bool begin() override;
  void leave() override;

  // ---- what comes in ----

  [[nodiscard]] bool read_one(milliseconds wait) override;
  void take(const rd_kafka_message_t& message);
  void take_error(const rd_kafka_message_t& message);
  void look_at_beginning(const held_partition& home, std::int64_t offset);
  void hand_on(held_partition& home, const rd_kafka_message_t& message);
  [[nodiscard]] held_partition* home_of(const rd_kafka_message_t& message);

  // ---- the group's business ----

  void look() override;
  void look_at_positions();
  void serve() override;
  void commit() override { committer->ask(held); }
  void complain(rd_kafka_resp_err_t code, const char* why);
  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* partitions, void* self);
  static void on_commit(rd_kafka_t*, rd_kafka_resp_err_t code,
                        rd_kafka_topic_partition_list_t* offsets, void* self);
  void assigned(rd_kafka_topic_partition_list_t* partitions);
  [[nodiscard]] bool learn_committed(rd_kafka_topic_partition_list_t& partitions);
  [[nodiscard]] std::vector<progress>
  finished_before(const rd_kafka_topic_partition_list_t& partitions);
  void drop_what_comes_again(const rd_kafka_topic_partition_t& of, progress& before,
                             clock::time_point until);
  void hand_in() noexcept;
  void revoked();
  void forget_all();

  const reader_options options;
  /// What librdkafka's callbacks are given: null once it is closed, which may take longer than we live.
  const std::shared_ptr<reader*> self = std::make_shared<reader*>(this);
  std::unique_ptr<letters> letter_box; // its letters are of the books' assignments
  std::optional<configuration> configured;

  // ---- of the thread in run() ----
  complaints said;
  convoy::detail::record_lanes<record>* lanes = nullptr;
  owned<rd_kafka_t> client;
  std::optional<commits> committer;
  owned<rd_kafka_queue_t> records; // of all partitions that are assigned; a new one each time
  std::vector<held_partition> held;
  std::exception_ptr failed; // in a callback of librdkafka's, which must not throw
  std::vector<kafka::header> headers;
  std::string told_last; // of what came as an event
  bool has_begun = false;
  clock::time_point answer_by{}; // to the last commit, and to leaving
  bool is_cut_off = false;       // told that no broker can be reached

  struct {
    const rd_kafka_topic_t* topic = nullptr;
    std::int32_t partition = -1;
    held_partition* home = nullptr;
  } last_home;
};

} // namespace convoy::kafka::detail
