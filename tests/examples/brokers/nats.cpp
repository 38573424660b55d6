// Bills orders that come from a stream of NATS JetStream: those of a customer in order, one at a time, those of others in
// parallel. Of "orders.ann.new" ann is the customer. An order that can't be billed goes to a subject of its own; its
// customer's next one goes on.
//
//   nats nats://HOST:PORT        until Ctrl-C

#include <atomic>
#include <chrono>
#include <convoy/nats/consumer.hpp>
#include <convoy/runtime.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <string>

namespace {

std::atomic<convoy::nats::consumer*> billing{nullptr};

extern "C" void on_signal(int /*which*/) {
  if (auto* const consumer = billing.load())
    consumer->stop();
}

long cents_of(std::string_view order) {
  return std::stol(std::string(order)); // throws for what is none
}

} // namespace

int main(int argc, char** argv) try {
  const std::string url = argc > 1 ? argv[1] : "nats://127.0.0.1:4222";
  std::atomic<long> billed{0};

  convoy::runtime rt{{.concurrency = 64}}; // handlers wait for others most of the time

  const auto bill = [&](const std::string& customer, convoy::nats::record& order) {
    billed += cents_of(order.value()); // throws if it makes no sense: is tried again
    if (customer == "vip")
      std::cout << "invoice " << order.sequence() << " for vip\n";
  };

  // [readme]
  convoy::nats::consumer consumer{rt,
                                  bill,
                                  {.url = url,
                                   .stream = "orders",
                                   .name = "billing",
                                   .key = convoy::nats::token(2),
                                   .failure = convoy::failure_policy{.attempts = 3},
                                   .dead_letter_subject = "dead.orders"}};
  // [/readme]
  billing = &consumer;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);

  const auto account = consumer.run(); // until stop(): finishes what runs, and commits

  billing = nullptr;
  std::cout << account.handled << " orders billed, " << billed << " cents; " << account.dead_letters
            << " dead letters; " << account.given_back << " given back\n";
  return 0;
} catch (const std::exception& wrong) {
  std::cerr << wrong.what() << '\n';
  return 1;
}
