// Bills orders that come from Kafka: those of a customer in order, one at a time, those of others in parallel, however few
// partitions the topic has. An order that can't be billed goes to a topic of its own; its customer's next one goes on.
//
//   kafka HOST:PORT        until Ctrl-C

#include <atomic>
#include <chrono>
#include <convoy/kafka/consumer.hpp>
#include <convoy/runtime.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;

std::atomic<convoy::kafka::consumer*> billing{nullptr};

extern "C" void on_signal(int /*which*/) {
  if (auto* const consumer = billing.load())
    consumer->stop();
}

long cents_of(std::string_view order) {
  return std::stol(std::string(order)); // throws for what is none
}

} // namespace

int main(int argc, char** argv) try {
  const std::string brokers = argc > 1 ? argv[1] : "127.0.0.1:9092";
  std::atomic<long> billed{0};

  // [readme]
  convoy::runtime rt{{.concurrency = 64}}; // handlers wait for others most of the time

  const auto bill = [&](const std::string& customer, convoy::kafka::record& order) {
    billed += cents_of(order.value().value()); // throws if it makes no sense: is tried again
    if (customer == "vip")
      std::cout << "invoice " << order.partition() << "/" << order.offset() << " for vip\n";
  };

  convoy::kafka::consumer consumer{rt,
                                   bill,
                                   {.brokers = brokers,
                                    .group = "billing",
                                    .topics = {"orders"},
                                    .failure = convoy::failure_policy{.attempts = 3},
                                    .dead_letter_topic = "orders.dlt",
                                    .name = "billing"}};
  billing = &consumer;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);

  const auto account = consumer.run(); // until stop(): finishes what runs, commits, leaves
  // [/readme]

  billing = nullptr;
  std::cout << account.handled << " orders billed, " << billed << " cents; " << account.dead_letters
            << " dead letters; " << account.given_back << " given back\n";
  return 0;
} catch (const std::exception& wrong) {
  std::cerr << wrong.what() << '\n';
  return 1;
}
