// How fast a topic that is there is handled, or how late one that is being written to. The figures of bench/brokers/run.
//
//   brokers_consume --brokers HOST:PORT --topic T --group G --records N [--work-us U] [--workers W] [--park KEY] [--one-by-one]
//
// Ends when N records were handled; prints a line of JSON. Time begins with the first record. Latency is from a record's
// timestamp, which has milliseconds, to the end of its handler.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/kafka/consumer.hpp>
#include <fstream>
#include <iostream>
#include <librdkafka/rdkafka.h>
#include <linux/tcp.h>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace {

using monotonic = std::chrono::steady_clock;

struct options {
  std::string brokers, topic, group, park;
  std::int64_t records = 0;
  double work_us = 0;
  unsigned workers = 2;
  std::size_t in_flight = 10'000;
  bool one_by_one = false, latency = false;
};

options read(int argc, char** argv) {
  options its;
  CLI::App app("Handles a topic's records and measures it");
  app.add_option("--brokers", its.brokers)->required();
  app.add_option("--topic", its.topic)->required();
  app.add_option("--group", its.group)->required();
  app.add_option("--records", its.records)->required();
  app.add_option("--work-us", its.work_us);
  app.add_option("--workers", its.workers);
  app.add_option("--in-flight", its.in_flight);
  app.add_option("--park", its.park, "records of this key stop it for ever");
  app.add_flag("--one-by-one", its.one_by_one, "a loop around librdkafka, as most consumers are");
  app.add_flag("--latency", its.latency);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    std::exit(app.exit(wrong));
  }
  return its;
}

void work(double us) {
  if (us > 0)
    std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(us));
}

/// Megabytes of memory.
double resident() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0, here = 0;
  statm >> all >> here;
  return static_cast<double>(here) * 4096 / 1e6;
}

/// Megabytes that all sockets of this process have received so far.
double received() {
  double bytes = 0;
  for (int file = 0; file < 1024; ++file) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(file, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
      bytes += static_cast<double>(info.tcpi_bytes_received);
  }
  return bytes / 1e6;
}

struct measured {
  std::atomic<std::int64_t> count{0};
  std::atomic<monotonic::rep> first{0};
  std::mutex lock;
  std::vector<double> latency_ms;
  double received_mb = 0, resident_mb = 0; // at the last record

  void begin() {
    monotonic::rep none = 0;
    if (first.load(std::memory_order_relaxed) == 0)
      first.compare_exchange_strong(none, monotonic::now().time_since_epoch().count());
  }
};

void print(const options& wanted, const measured& its, double seconds) {
  auto sorted = its.latency_ms;
  std::sort(sorted.begin(), sorted.end());
  const auto at = [&](double share) {
    return sorted.empty()
               ? 0.0
               : sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
  };
  std::cout << "{\"records\": " << wanted.records << ", \"seconds\": " << seconds
            << ", \"per_second\": " << static_cast<double>(wanted.records) / seconds
            << ", \"p50_ms\": " << at(0.5) << ", \"p99_ms\": " << at(0.99)
            << ", \"resident_mb\": " << its.resident_mb << ", \"received_mb\": " << its.received_mb
            << "}\n";
}

double since(const measured& its) {
  return static_cast<double>(monotonic::now().time_since_epoch().count() - its.first) / 1e9;
}

void consume(const options& wanted) {
  measured its;
  its.latency_ms.reserve(wanted.latency ? static_cast<std::size_t>(wanted.records) : 0);
  convoy::runtime rt{{.concurrency = wanted.workers}};
  convoy::kafka::consumer* self = nullptr;
  double seconds = 0;
  convoy::kafka::consumer c{
      rt,
      [&](convoy::kafka::record& r) -> convoy::outcome {
        its.begin();
        if (!wanted.park.empty() && r.key() == wanted.park)
          return convoy::outcome::park;
        work(wanted.work_us);
        if (wanted.latency) {
          const auto late = std::chrono::system_clock::now() - *r.timestamp();
          const std::lock_guard lock(its.lock);
          its.latency_ms.push_back(std::chrono::duration<double, std::milli>(late).count());
        }
        if (its.count.fetch_add(1, std::memory_order_relaxed) + 1 == wanted.records) {
          seconds = since(its);
          its.received_mb = received();
          its.resident_mb = resident();
          self->stop();
        }
        return convoy::outcome::done;
      },
      {.brokers = wanted.brokers,
       .group = wanted.group,
       .topics = {wanted.topic},
       .in_flight = {.records = wanted.in_flight}}};
  self = &c;
  c.run();
  print(wanted, its, seconds);
}

void consume_one_by_one(const options& wanted) {
  char why[512];
  auto* const conf = rd_kafka_conf_new();
  const auto set = [&](const char* name, const std::string& value) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK)
      throw std::runtime_error(why);
  };
  set("bootstrap.servers", wanted.brokers);
  set("group.id", wanted.group);
  set("auto.offset.reset", "earliest");
  auto* const client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  rd_kafka_poll_set_consumer(client);
  auto* const topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, wanted.topic.c_str(), RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(client, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  measured its;
  while (its.count < wanted.records) {
    auto* const message = rd_kafka_consumer_poll(client, 100);
    if (message == nullptr)
      continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      its.begin();
      work(wanted.work_us);
      ++its.count;
    }
    rd_kafka_message_destroy(message);
  }
  print(wanted, its, since(its));
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
}

} // namespace

int main(int argc, char** argv) try {
  const auto wanted = read(argc, argv);
  wanted.one_by_one ? consume_one_by_one(wanted) : consume(wanted);
} catch (const std::exception& wrong) {
  std::cerr << wrong.what() << '\n';
  return 1;
}
