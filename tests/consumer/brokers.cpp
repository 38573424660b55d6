// A stranger's program behind brokers. It is stopped before it reads, so none need be there.
#include <convoy/kafka/consumer.hpp>
#include <convoy/nats/consumer.hpp>

int main() {
  convoy::runtime rt{{.concurrency = 1}};
  convoy::kafka::consumer topic{rt,
                                [](convoy::kafka::record&) {},
                                {.brokers = "127.0.0.1:1", .group = "g", .topics = {"orders"}}};
  topic.stop();
  convoy::nats::consumer stream{rt,
                                [](convoy::nats::record&) {},
                                {.url = "nats://127.0.0.1:1", .stream = "orders", .name = "n"}};
  stream.stop();
  return topic.run().read == 0 && stream.run().read == 0 ? 0 : 1;
}
