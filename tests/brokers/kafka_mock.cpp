// librdkafka's mock cluster in a process of its own, so that it outlives clients that are killed, and can be killed itself
// (Debian's kcat is built without its -M). It keeps nothing: a new one is empty.
//   kafka_mock [BROKERS]     prints the address of its brokers, then answers each line of stdin with `ok` or `error: WHY`
//     topic NAME PARTITIONS      else topics come into being when they are asked for, with 4 partitions
//     fail API CODE [COUNT]      the next COUNT requests of that kind (8: OffsetCommit, 11: JoinGroup) get that error
//     leader TOPIC PARTITION BROKER
//     down BROKER | up BROKER    broker numbers begin at 1
//     delay BROKER MILLISECONDS  to each answer
// Ends when stdin does.
#include "kafka_client.hpp"
#include "text.hpp"

#include <iostream>
#include <librdkafka/rdkafka_mock.h>
#include <sstream>

namespace {

using namespace brokers;

void obey(rd_kafka_mock_cluster_t* cluster, const std::string& line) {
  std::istringstream words{line};
  std::string command;
  words >> command;
  const auto name = [&] {
    std::string word;
    if (!(words >> word)) {
      throw std::runtime_error{"'" + line + "' lacks an argument"};
    }
    return word;
  };
  const auto integer = [&] { return static_cast<int>(number(name())); };
  if (command == "topic") {
    const std::string topic = name();
    check(rd_kafka_mock_topic_create(cluster, topic.c_str(), integer(), 1), line);
  } else if (command == "fail") {
    const auto api = static_cast<std::int16_t>(integer());
    const auto code = static_cast<rd_kafka_resp_err_t>(integer());
    int count = 1;
    if (std::string word; words >> word) {
      count = static_cast<int>(number(word));
    }
    for (; count > 0; --count) {
      rd_kafka_mock_push_request_errors_array(cluster, api, 1, &code);
    }
  } else if (command == "leader") {
    const std::string topic = name();
    const int partition = integer();
    check(rd_kafka_mock_partition_set_leader(cluster, topic.c_str(), partition, integer()), line);
  } else if (command == "down") {
    check(rd_kafka_mock_broker_set_down(cluster, integer()), line);
  } else if (command == "up") {
    check(rd_kafka_mock_broker_set_up(cluster, integer()), line);
  } else if (command == "delay") {
    const int broker = integer();
    check(rd_kafka_mock_broker_set_rtt(cluster, broker, integer()), line);
  } else {
    throw std::runtime_error{"no command is called '" + command + "'"};
  }
}

} // namespace

int main(int count, char** words) {
  try {
    const int brokers = count > 1 ? static_cast<int>(number(words[1])) : 1;
    const client host{RD_KAFKA_PRODUCER, settings{}}; // the mock lives in a client
    const owned<rd_kafka_mock_cluster_t, rd_kafka_mock_cluster_destroy> cluster{
        rd_kafka_mock_cluster_new(host.get(), brokers)};
    if (!cluster) {
      throw std::runtime_error{"no cluster of " + std::to_string(brokers) + " brokers"};
    }
    std::cout << rd_kafka_mock_cluster_bootstraps(cluster.get()) << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
      try {
        obey(cluster.get(), line);
        std::cout << "ok" << std::endl;
      } catch (const std::exception& error) {
        std::cout << "error: " << error.what() << std::endl;
      }
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "kafka_mock: " << error.what() << '\n';
    return 1;
  }
}
