#pragma once

// librdkafka's mock cluster in this process.

#include "running.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/kafka/consumer.hpp>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace convoy::kafka::test {

using namespace std::chrono_literals;
using convoy::test::eventually;
using convoy::test::hold_until;
using convoy::test::reports;
using convoy::test::seen;
template <class Consumer = consumer>
using running = convoy::test::running<Consumer>;

/// Requests by their numbers in Kafka's protocol.
enum class api : std::int16_t {
  produce = 0,
  list_offsets = 2,
  offset_commit = 8,
  join_group = 11,
  heartbeat = 12
};

struct committed {
  std::int64_t offset = RD_KAFKA_OFFSET_INVALID;
  std::string metadata;
};

struct kept_record {
  std::optional<std::string> key, value;
  std::map<std::string, std::string> headers;
};

using pairs = std::vector<std::pair<std::string, std::optional<std::string>>>;

class mock_kafka {
public:
  mock_kafka();
  mock_kafka(const mock_kafka&) = delete;
  mock_kafka& operator=(const mock_kafka&) = delete;
  ~mock_kafka();

  [[nodiscard]] std::string address() const;
  void create(const std::string& topic, int partitions);
  void fail_topic(const std::string& topic, rd_kafka_resp_err_t with);
  void fail(api which, rd_kafka_resp_err_t with, int times);
  void heal(api which);
  /// The next one is served at once, and answered so late, as is what is asked behind it.
  void delay(api which, std::chrono::milliseconds by);
  [[nodiscard]] bool has_delayed(api which); ///< that one has come
  void set_up(bool is_up);

  /// To one partition, in that order; a key of nullopt is null.
  void produce(
      const std::string& topic, std::int32_t partition,
      const std::vector<std::pair<std::optional<std::string>, std::optional<std::string>>>& records,
      const pairs& headers = {});
  /// So many records with keys k0, k1, … in turns, and values 0, 1, …
  void produce_numbers(const std::string& topic, std::int32_t partition, int count, int keys);
  [[nodiscard]] committed committed_of(const std::string& group, const std::string& topic,
                                       std::int32_t partition = 0);
  /// As somebody would who has had the partition before.
  void commit(const std::string& group, const std::string& topic, std::int32_t partition,
              std::int64_t offset, const std::string& metadata);
  [[nodiscard]] std::vector<kept_record> read(const std::string& topic, std::int32_t partition = 0,
                                              std::size_t most = 1);

private:
  [[nodiscard]] rd_kafka_t* client(const std::string& group);

  rd_kafka_t* producer_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  std::map<std::string, rd_kafka_t*> clients_;
};

/// A session of less than the 3 s that a first join takes would end before it.
consumer::options options_for(const mock_kafka& broker,
                              std::vector<std::string> topics = {"orders"});

} // namespace convoy::kafka::test
