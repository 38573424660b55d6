// An instance of a group: see worker.hpp.

#include "worker.hpp"

#include <convoy/kafka/consumer.hpp>

int main(int argc, char** argv) {
  brokers::worker<convoy::kafka::consumer> its(
      "An instance of a group that writes down what it handles");
  its.app.add_option("--brokers", its.consumer.brokers)->required();
  its.app.add_option("--group", its.consumer.group)->required();
  its.app.add_option("--topic", its.consumer.topics)->required();
  its.app.add_option("--dead-letter-topic", its.consumer.dead_letter_topic);
  return its.run<convoy::kafka::record>(
      argc, argv,
      [&] { its.consumer.on_revoke.finish = std::chrono::duration<double>(its.finish_s); },
      [](const std::string& key, const convoy::kafka::record& r) -> brokers::named_record {
        return {key, std::to_string(r.partition()), std::to_string(r.offset())};
      });
}
