// A reader of a stream: see worker.hpp. Its records' partition is 0, and their offset the sequence.

#include "worker.hpp"

#include <convoy/nats/consumer.hpp>
#include <cstddef>

int main(int argc, char** argv) {
  brokers::worker<convoy::nats::consumer> its(
      "A reader of a stream that writes down what it handles");
  std::size_t token = 0;
  std::string header;
  its.app.add_option("--url", its.consumer.url)->required();
  its.app.add_option("--stream", its.consumer.stream)->required();
  its.app.add_option("--subject", its.consumer.subject);
  its.app.add_option("--name", its.consumer.name)->required();
  its.app.add_option("--token", token, "of the subject, that is the key; 0: the whole subject");
  its.app.add_option("--header", header, "that is the key");
  its.app.add_option("--dead-letter-subject", its.consumer.dead_letter_subject);
  return its.run<convoy::nats::record>(
      argc, argv,
      [&] {
        its.consumer.on_stop.finish = std::chrono::duration<double>(its.finish_s);
        if (token != 0)
          its.consumer.key = convoy::nats::token(token);
        else if (!header.empty())
          its.consumer.key = convoy::nats::header_key(header);
      },
      [](const std::string&, const convoy::nats::record& r) -> brokers::named_record {
        // Without a key as the checker has it.
        return {r.key() ? std::string(*r.key()) : "\\N", "0", std::to_string(r.sequence())};
      });
}
