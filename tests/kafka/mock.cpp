#include "mock.hpp"

#include <array>
#include <cstring>
#include <stdexcept>

namespace convoy::kafka::test {

namespace {

void must(bool holds, const std::string& what) {
  if (!holds)
    throw std::runtime_error("the mock: " + what);
}

rd_kafka_t* made(rd_kafka_type_t type, const std::map<std::string, std::string>& settings) {
  auto* const conf = rd_kafka_conf_new();
  std::array<char, 512> why{};
  for (const auto& [name, value] : settings)
    must(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) ==
             RD_KAFKA_CONF_OK,
         why.data());
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
  auto* const client = rd_kafka_new(type, conf, why.data(), why.size());
  must(client != nullptr, why.data());
  return client;
}

std::string text(const void* bytes, std::size_t size) {
  return {static_cast<const char*>(bytes), size};
}

std::map<std::string, std::string> headers_of(const rd_kafka_message_t& message) {
  std::map<std::string, std::string> result;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return result;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    result[name] = text(value, size);
  return result;
}

} // namespace

mock_kafka::mock_kafka() {
  producer_ =
      made(RD_KAFKA_PRODUCER, {{"test.mock.num.brokers", "1"}, {"message.max.bytes", "4000000"}});
  cluster_ = rd_kafka_handle_mock_cluster(producer_);
  must(cluster_ != nullptr, "there is none");
}

mock_kafka::~mock_kafka() {
  for (const auto& [group, its] : clients_)
    rd_kafka_destroy(its);
  rd_kafka_destroy(producer_); // and the cluster
}

std::string mock_kafka::address() const {
  return rd_kafka_mock_cluster_bootstraps(cluster_);
}
void mock_kafka::create(const std::string& topic, int partitions) {
  must(rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1) ==
           RD_KAFKA_RESP_ERR_NO_ERROR,
       "topic " + topic);
}
void mock_kafka::fail_topic(const std::string& topic, rd_kafka_resp_err_t with) {
  rd_kafka_mock_topic_set_error(cluster_, topic.c_str(), with);
}
void mock_kafka::fail(api which, rd_kafka_resp_err_t with, int times) {
  const std::vector<rd_kafka_resp_err_t> errors(static_cast<std::size_t>(times), with);
  rd_kafka_mock_push_request_errors_array(cluster_, static_cast<std::int16_t>(which), errors.size(),
                                          errors.data());
}
void mock_kafka::heal(api which) {
  rd_kafka_mock_clear_request_errors(cluster_, static_cast<std::int16_t>(which));
}
void mock_kafka::delay(api which, std::chrono::milliseconds by) {
  must(rd_kafka_mock_broker_push_request_error_rtts(
           cluster_, 1, static_cast<std::int16_t>(which), 1, RD_KAFKA_RESP_ERR_NO_ERROR,
           static_cast<int>(by.count())) == RD_KAFKA_RESP_ERR_NO_ERROR,
       "a delay");
}
bool mock_kafka::has_delayed(api which) {
  std::size_t left = 0;
  must(rd_kafka_mock_broker_error_stack_cnt(cluster_, 1, static_cast<std::int16_t>(which), &left) ==
           RD_KAFKA_RESP_ERR_NO_ERROR,
       "what is to be delayed");
  return left == 0;
}
void mock_kafka::set_up(bool is_up) {
  must((is_up ? rd_kafka_mock_broker_set_up(cluster_, 1)
              : rd_kafka_mock_broker_set_down(cluster_, 1)) == RD_KAFKA_RESP_ERR_NO_ERROR,
       "up or down");
}

void mock_kafka::produce(
    const std::string& topic, std::int32_t partition,
    const std::vector<std::pair<std::optional<std::string>, std::optional<std::string>>>& records,
    const pairs& headers) {
  for (const auto& [key, value] : records) {
    auto* const all = rd_kafka_headers_new(headers.size());
    for (const auto& [name, its] : headers)
      rd_kafka_header_add(all, name.c_str(), -1, its ? its->data() : nullptr,
                          its ? static_cast<ssize_t>(its->size()) : -1);
    const auto bytes = [](rd_kafka_vtype_t type, const std::optional<std::string>& from) {
      rd_kafka_vu_t part{};
      part.vtype = type;
      part.u.mem.ptr = from ? const_cast<char*>(from->data()) : nullptr;
      part.u.mem.size = from ? from->size() : 0;
      return part;
    };
    std::array<rd_kafka_vu_t, 6> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = topic.c_str();
    parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[1].u.i32 = partition;
    parts[2] = bytes(RD_KAFKA_VTYPE_KEY, key);
    parts[3] = bytes(RD_KAFKA_VTYPE_VALUE, value);
    parts[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[4].u.i = RD_KAFKA_MSG_F_COPY;
    parts[5].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[5].u.headers = all;
    must(rd_kafka_produceva(producer_, parts.data(), parts.size()) == nullptr, "a record");
  }
  must(rd_kafka_flush(producer_, 120'000) == RD_KAFKA_RESP_ERR_NO_ERROR, "records");
}

void mock_kafka::produce_numbers(const std::string& topic, std::int32_t partition, int count,
                                 int keys) {
  std::vector<std::pair<std::optional<std::string>, std::optional<std::string>>> records;
  for (int i = 0; i < count; ++i)
    records.emplace_back("k" + std::to_string(i % keys), std::to_string(i));
  produce(topic, partition, records);
}

rd_kafka_t* mock_kafka::client(const std::string& group) {
  auto& its = clients_[group];
  if (its == nullptr)
    its = made(RD_KAFKA_CONSUMER, {{"bootstrap.servers", address()},
                                   {"group.id", group},
                                   {"enable.partition.eof", "true"},
                                   {"enable.auto.commit", "false"}});
  return its;
}

committed mock_kafka::committed_of(const std::string& group, const std::string& topic,
                                   std::int32_t partition) {
  auto* const list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition);
  committed result;
  if (rd_kafka_committed(client(group), list, 60'000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    result.offset = list->elems[0].offset;
    if (list->elems[0].metadata != nullptr)
      result.metadata = text(list->elems[0].metadata, list->elems[0].metadata_size);
  }
  rd_kafka_topic_partition_list_destroy(list);
  return result;
}

void mock_kafka::commit(const std::string& group, const std::string& topic, std::int32_t partition,
                        std::int64_t offset, const std::string& metadata) {
  auto* const list = rd_kafka_topic_partition_list_new(1);
  auto* const its = rd_kafka_topic_partition_list_add(list, topic.c_str(), partition);
  its->offset = offset;
  its->metadata = ::strdup(metadata.c_str()); // the list frees it
  its->metadata_size = metadata.size();
  const auto code = rd_kafka_commit(client(group), list, 0);
  rd_kafka_topic_partition_list_destroy(list);
  must(code == RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_err2str(code));
}

std::vector<kept_record> mock_kafka::read(const std::string& topic, std::int32_t partition,
                                          std::size_t most) {
  std::vector<kept_record> result;
  auto* const reader = client("reads " + topic);
  auto* const list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset =
      RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(reader, list);
  rd_kafka_topic_partition_list_destroy(list);
  const auto until = std::chrono::steady_clock::now() + 2min;
  while (result.size() < most && std::chrono::steady_clock::now() < until) {
    auto* const message = rd_kafka_consumer_poll(reader, 100);
    if (message == nullptr)
      continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      kept_record its;
      if (message->key != nullptr)
        its.key = text(message->key, message->key_len);
      if (message->payload != nullptr)
        its.value = text(message->payload, message->len);
      its.headers = headers_of(*message);
      result.push_back(std::move(its));
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_assign(reader, nullptr);
  return result;
}

consumer::options options_for(const mock_kafka& broker, std::vector<std::string> topics) {
  consumer::options its;
  its.brokers = broker.address();
  its.group = "billing";
  its.topics = std::move(topics);
  its.commit.every = 50ms;
  its.settings = {{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "100"}};
  return its;
}

} // namespace convoy::kafka::test
