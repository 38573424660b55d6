#include "client.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace convoy::kafka::detail {

namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

struct decided {
  std::string_view setting, by;
};
constexpr std::array decided_by{
    decided{"bootstrap.servers", "options::brokers"},
    decided{"metadata.broker.list", "options::brokers"},
    decided{"group.id", "options::group"},
    decided{"enable.auto.commit", "the consumer, which commits what is finished"},
    decided{"auto.commit.interval.ms", "options::commit.every"},
    decided{"enable.auto.offset.store", "the consumer, which commits what is finished"},
    decided{"enable.partition.eof", "the consumer"},
    decided{"message.timeout.ms", "the consumer, which sends dead letters again"},
};

void refuse_decided(const std::string& name, const std::string& value) {
  const auto* const found = std::find_if(decided_by.begin(), decided_by.end(),
                                         [&](const decided& each) { return each.setting == name; });
  if (found != decided_by.end())
    throw std::invalid_argument("convoy::kafka: settings: " + name + " is decided by " +
                                std::string(found->by));
  if (name == "partition.assignment.strategy" && value.find("cooperative") != std::string::npos)
    throw std::invalid_argument(
        "convoy::kafka: settings: partition.assignment.strategy must be range or roundrobin: with "
        "cooperative ones librdkafka before 2.10 loses partitions whose offsets are committed by "
        "hand");
}

milliseconds left_until(clock::time_point deadline) {
  return std::max(milliseconds(0),
                  std::chrono::duration_cast<milliseconds>(deadline - clock::now()));
}

const rd_kafka_metadata_topic* find(const struct rd_kafka_metadata& in, const std::string& topic) {
  for (int i = 0; i < in.topic_cnt; ++i)
    if (in.topics[i].topic == topic)
      return &in.topics[i];
  return nullptr;
}

} // namespace

std::string text_of(rd_kafka_resp_err_t code) {
  return rd_kafka_err2str(code);
}

configuration::configuration(const reader_options& from, void* opaque)
    : conf_(rd_kafka_conf_new()) {
  rd_kafka_conf_set_opaque(conf_.get(), opaque);
  set("bootstrap.servers", from.brokers);
  for (const auto& [name, value] : from.settings) {
    refuse_decided(name, value);
    set(name.c_str(), value);
  }
}

void configuration::set(const char* name, const std::string& value) {
  std::array<char, 512> why{};
  if (rd_kafka_conf_set(conf_.get(), name, value.c_str(), why.data(), why.size()) !=
      RD_KAFKA_CONF_OK)
    throw error("convoy::kafka: settings: " + std::string(why.data()));
}

owned<rd_kafka_t> configuration::make(rd_kafka_type_t type) {
  std::array<char, 512> why{};
  owned<rd_kafka_t> made(rd_kafka_new(type, conf_.get(), why.data(), why.size()));
  if (made == nullptr)
    throw error("convoy::kafka: " + std::string(why.data()));
  (void)conf_.release(); // it is the client's now
  return made;
}

void complaints::add(rd_kafka_resp_err_t code, std::string text) {
  const std::lock_guard lock(lock_);
  refused_ = refused_ || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
             code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
             code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
             code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
             code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
             code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM ||
             code == RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT ||
             code == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL ||
             code == RD_KAFKA_RESP_ERR_INVALID_GROUP_ID ||
             code == RD_KAFKA_RESP_ERR_SECURITY_DISABLED;
  if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || last_.empty()) // which says less
    last_ = std::move(text);
}
std::string complaints::last() const {
  const std::lock_guard lock(lock_);
  return last_;
}
bool complaints::refused() const {
  const std::lock_guard lock(lock_);
  return refused_;
}

void must_exist(rd_kafka_t* client, const complaints& said, const std::string& brokers,
                const char* what, const std::string& topic, std::chrono::nanoseconds within,
                const std::atomic<bool>& stop) {
  if (stop.load(std::memory_order_relaxed))
    return;
  const auto deadline = clock::now() + within;
  const owned<rd_kafka_topic_t> handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  if (handle == nullptr)
    throw error("convoy::kafka: topic \"" + topic +
                "\" is no name of a topic: " + text_of(rd_kafka_last_error()));
  auto code = RD_KAFKA_RESP_ERR__TIMED_OUT;
  do {
    const struct rd_kafka_metadata* answer = nullptr;
    const auto wait = std::min(left_until(deadline), milliseconds(500));
    code = rd_kafka_metadata(client, 0, handle.get(), &answer, static_cast<int>(wait.count()) + 1);
    (void)rd_kafka_poll(client, 0); // its complaints
    if (said.refused())
      throw error("convoy::kafka: " + brokers + " refuses the login: " + said.last() +
                  "; see sasl.username and sasl.password in settings");
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const owned<const struct rd_kafka_metadata> held(answer);
      const auto* const found = find(*answer, topic);
      code = found == nullptr ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : found->err;
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR && found->partition_cnt > 0)
        return;
      if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
          code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION)
        throw error("convoy::kafka: there is no " + std::string(what) + " \"" + topic + "\" on " +
                    brokers + ": create it first");
    }
  } while (clock::now() < deadline && !stop.load(std::memory_order_relaxed));
  if (stop.load(std::memory_order_relaxed))
    return;
  const auto last = said.last();
  throw error("convoy::kafka: no broker of " + brokers + " has told of " + what + " \"" + topic +
              "\" in " +
              std::to_string(std::chrono::duration_cast<std::chrono::seconds>(within).count()) +
              " s: " + (last.empty() ? text_of(code) : last));
}

bool close_consumer(owned<rd_kafka_t> which, std::shared_ptr<void> opaque,
                    clock::time_point until) {
  std::promise<void> closed;
  auto is_closed = closed.get_future();
  rd_kafka_t* const its = which.get();
  try {
    std::thread([its, opaque = std::move(opaque), closed = std::move(closed)]() mutable {
      (void)rd_kafka_consumer_close(its);
      rd_kafka_destroy(its);
      opaque.reset();
      closed.set_value();
    }).detach();
  } catch (const std::system_error&) { // no thread to be had: it takes as long as it takes
    (void)rd_kafka_consumer_close(its);
    return true;
  }
  (void)which.release();
  return is_closed.wait_until(until) == std::future_status::ready;
}

} // namespace convoy::kafka::detail
