// librdkafka's objects with an owner each, and its errors as exceptions. For tests; shares nothing with the adaptor.
#pragma once

#include <chrono>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace brokers {

inline constexpr int patience_ms = 10'000;

inline void check(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw std::runtime_error{what + ": " + rd_kafka_err2str(error)};
  }
}

// Asks again while the broker, which has just started, still loads what it knows of groups.
template <class Request>
void ask_coordinator(Request request, const std::string& what) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{patience_ms};
  for (;;) {
    const rd_kafka_resp_err_t error = request();
    const bool loads = error == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
                       error == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
                       error == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS;
    if (!loads || std::chrono::steady_clock::now() > end) {
      return check(error, what);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

template <class Object, void (*destroy)(Object*)>
struct destroyed_by {
  void operator()(Object* object) const { destroy(object); }
};
template <class Object, void (*destroy)(Object*)>
using owned = std::unique_ptr<Object, destroyed_by<Object, destroy>>;

using topic_handle = owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using partition_list =
    owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using message = owned<rd_kafka_message_t, rd_kafka_message_destroy>;
using queue = owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using event = owned<rd_kafka_event_t, rd_kafka_event_destroy>;

class settings {
public:
  void set(const std::string& name, const std::string& value) {
    char text[256];
    if (rd_kafka_conf_set(conf_.get(), name.c_str(), value.c_str(), text, sizeof text) !=
        RD_KAFKA_CONF_OK) {
      throw std::runtime_error{text};
    }
  }
  rd_kafka_conf_t* get() const { return conf_.get(); }
  rd_kafka_conf_t* release() { return conf_.release(); }

private:
  owned<rd_kafka_conf_t, rd_kafka_conf_destroy> conf_{rd_kafka_conf_new()};
};

class client {
public:
  client(rd_kafka_type_t type, settings with) {
    char text[256];
    client_.reset(rd_kafka_new(type, with.get(), text, sizeof text));
    if (!client_) {
      throw std::runtime_error{text};
    }
    with.release(); // it is the client's now
  }
  rd_kafka_t* get() const { return client_.get(); }

private:
  owned<rd_kafka_t, rd_kafka_destroy> client_;
};

// Waits for the answer to a request about topics, and throws if one of them failed.
template <class Result, class Topics>
void check_topics(const queue& results, Result result_of, Topics topics_of) {
  const event answer{rd_kafka_queue_poll(results.get(), patience_ms)};
  if (!answer) {
    throw std::runtime_error{"the broker did not answer"};
  }
  if (rd_kafka_event_error(answer.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw std::runtime_error{rd_kafka_event_error_string(answer.get())};
  }
  std::size_t count = 0;
  const rd_kafka_topic_result_t** topics = topics_of(result_of(answer.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    check(rd_kafka_topic_result_error(topics[i]), rd_kafka_topic_result_name(topics[i]));
  }
}

// Topics come into being some time after they were asked for: until then what asks for them throws.
template <class Condition>
void wait_until(Condition condition, const std::string& what) {
  using namespace std::chrono;
  std::string reason = "not yet";
  for (const auto end = steady_clock::now() + milliseconds{patience_ms};
       steady_clock::now() < end;) {
    try {
      if (condition()) {
        return;
      }
    } catch (const std::runtime_error& error) {
      reason = error.what();
    }
    std::this_thread::sleep_for(milliseconds{20});
  }
  throw std::runtime_error{what + ": " + reason};
}

} // namespace brokers
