#include "broker/kafka_client.hpp"

#include "broker/refusal.hpp"
#include "text/input_error.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>
#include <string_view>
#include <utility>

namespace convoy::tool {
namespace {

using patient_clock = std::chrono::steady_clock;

/// They decide what is read, or would leave something on the broker.
constexpr std::array<std::string_view, 11> own_settings{
    "bootstrap.servers",        "metadata.broker.list", "group.id",
    "group.instance.id",        "enable.auto.commit",   "auto.commit.enable",
    "enable.auto.offset.store", "auto.offset.reset",    "enable.partition.eof",
    "allow.auto.create.topics", "offset.store.method",
};

using configuration = std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)>;
using error_text = std::array<char, 512>;

void set_kafka(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  error_text why{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) !=
      RD_KAFKA_CONF_OK)
    throw input_error{"--broker-setting " + in_quotes(name) + ": " + why.data()};
}

configuration configure(const broker_request& request) {
  configuration conf{rd_kafka_conf_new(), &rd_kafka_conf_destroy};
  set_kafka(conf.get(), "client.id", "convoy");
  set_kafka(conf.get(), "fetch.wait.max.ms", "100"); // how long it takes to see an end
  for (const auto& [name, value] : request.settings) {
    if (std::ranges::find(own_settings, name) != own_settings.end())
      throw input_error{"--broker-setting " + name +
                        ": convoy sets it itself, to read the topic "
                        "as it is and to leave nothing behind; leave it out"};
    set_kafka(conf.get(), name, value);
  }
  std::string servers;
  for (const broker_url::address& each : request.url.servers)
    servers.append(servers.empty() ? "" : ",").append(address_text(each));
  set_kafka(conf.get(), "bootstrap.servers", servers);
  set_kafka(conf.get(), "enable.auto.commit", "false");
  set_kafka(conf.get(), "auto.commit.enable", "false");
  set_kafka(conf.get(), "enable.auto.offset.store", "false");
  set_kafka(conf.get(), "enable.partition.eof", "true");
  set_kafka(conf.get(), "allow.auto.create.topics", "false");
  set_kafka(conf.get(), "auto.offset.reset", "error"); // what is gone is told, not passed over
  return conf;
}

std::string text_of(rd_kafka_resp_err_t error) {
  return rd_kafka_err2str(error);
}

int milliseconds(std::chrono::milliseconds time) {
  return static_cast<int>(time.count());
}

} // namespace

kafka_client::kafka_client(const broker_request& request) : request_{request} {
  configuration conf = configure(request);
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_error_cb(conf.get(), &on_error);
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  error_text why{};
  handle_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), why.data(), why.size()));
  if (!handle_)
    throw input_error{why.data()};
  static_cast<void>(conf.release()); // it is the handle's now
  topic_.reset(rd_kafka_topic_new(handle_.get(), request.url.name.c_str(), nullptr));
  if (!topic_)
    throw input_error{in_quotes(request.url.name) +
                      " is no name of a topic: " + text_of(rd_kafka_last_error())};
}

void kafka_client::on_error(rd_kafka_t* /*of*/, int error, const char* reason,
                            void* opaque) noexcept {
  auto& self = *static_cast<kafka_client*>(opaque);
  try {
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
      if (!self.all_down_)
        self.all_down_ = patient_clock::now();
      return; // that one was told as well
    }
    if (self.is_refused_)
      return;
    self.is_refused_ =
        error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR__SSL;
    const std::string_view text{reason};
    self.reason_ = text.substr(0, text.find(" (after "));
  } catch (const std::bad_alloc&) { // then the reason is an older one
  }
}

void kafka_client::look() {
  rd_kafka_poll(handle_.get(), 0);
  if (is_refused_)
    throw input_error{"the broker refuses to talk: " + reason_};
}

std::string kafka_client::trouble() const {
  if (reason_.empty())
    return "";
  const bool is_of_setting = reason_.find("security.protocol") != std::string::npos;
  return "; " + reason_ + (is_of_setting ? "; --broker-setting gives it" : "");
}

/// In slices that grow, so that a broker that is not there is told from one that is slow.
kafka_client::metadata kafka_client::ask(bool all_topics) {
  constexpr std::chrono::seconds settled{2}; // the other addresses of a name were tried by then
  const patient_clock::time_point end = patient_clock::now() + request_.patience;
  std::chrono::milliseconds slice{250};
  all_down_.reset();
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - patient_clock::now());
    const rd_kafka_metadata_t* found = nullptr;
    const rd_kafka_resp_err_t error =
        rd_kafka_metadata(handle_.get(), all_topics ? 1 : 0, all_topics ? nullptr : topic_.get(),
                          &found, std::max(1, milliseconds(std::min(slice, left))));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
      return {found, &rd_kafka_metadata_destroy};
    look();
    if (error != RD_KAFKA_RESP_ERR__TIMED_OUT && error != RD_KAFKA_RESP_ERR__TRANSPORT)
      throw input_error{"the broker does not tell its topics: " + text_of(error) + trouble()};
    const patient_clock::time_point now = patient_clock::now();
    if (all_down_ && now - *all_down_ > settled)
      throw input_error{"no broker can be reached" + trouble()};
    if (now >= end)
      throw input_error{"no broker answered in " + patience_text(request_.patience) + trouble()};
    slice *= 2;
  }
}

std::vector<std::string> kafka_client::topics() {
  const metadata all = ask(true);
  std::vector<std::string> names;
  for (int i = 0; i < all->topic_cnt; ++i)
    if (const std::string_view name{all->topics[i].topic};
        !name.starts_with("__") && // Kafka's own
        all->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR)
      names.emplace_back(name);
  return names;
}

std::size_t kafka_client::partitions() {
  const metadata found = ask(false);
  if (found->topic_cnt != 1)
    throw input_error{"the broker does not tell of the topic"};
  const rd_kafka_metadata_topic_t& topic = found->topics[0];
  if (topic.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    throw input_error{no_such_name("topic", request_.url.name, topics())};
  if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw input_error{"the topic can't be read: " + text_of(topic.err)};
  for (int i = 0; i < topic.partition_cnt; ++i) {
    const rd_kafka_metadata_partition_t& each = topic.partitions[i];
    if (each.leader < 0)
      throw input_error{"partition " + std::to_string(each.id) + " has no leader now: " +
                        text_of(each.err == RD_KAFKA_RESP_ERR_NO_ERROR
                                    ? RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
                                    : each.err)};
  }
  return static_cast<std::size_t>(topic.partition_cnt);
}

std::vector<kafka_client::span> kafka_client::spans(std::size_t partitions) {
  std::vector<span> found(partitions);
  for (std::size_t i = 0; i < partitions; ++i) {
    span& each = found[i];
    const rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        handle_.get(), request_.url.name.c_str(), static_cast<std::int32_t>(i), &each.low,
        &each.end, milliseconds(request_.patience));
    look();
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
      throw input_error{"the offsets of partition " + std::to_string(i) +
                        " are not told: " + text_of(error) + trouble()};
    each.begin = each.low;
  }
  if (request_.from_ns)
    start_from(*request_.from_ns, found);
  if (request_.last)
    for (span& each : found)
      if (const auto there = static_cast<std::uint64_t>(each.end - each.low);
          *request_.last < there)
        each.begin = std::max(each.begin, each.end - static_cast<std::int64_t>(*request_.last));
  return found;
}

void kafka_client::start_from(std::int64_t from_ns, std::vector<span>& spans) {
  constexpr std::int64_t ns_per_ms = 1'000'000;
  const std::unique_ptr<rd_kafka_topic_partition_list_t,
                        decltype(&rd_kafka_topic_partition_list_destroy)>
      list{rd_kafka_topic_partition_list_new(static_cast<int>(spans.size())),
           &rd_kafka_topic_partition_list_destroy};
  for (std::size_t i = 0; i < spans.size(); ++i)
    rd_kafka_topic_partition_list_add(list.get(), request_.url.name.c_str(),
                                      static_cast<std::int32_t>(i))
        ->offset = from_ns / ns_per_ms + (from_ns % ns_per_ms > 0 ? 1 : 0);
  rd_kafka_resp_err_t error =
      rd_kafka_offsets_for_times(handle_.get(), list.get(), milliseconds(request_.patience));
  look();
  for (int i = 0; i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    error = each.err;
    span& of = spans[static_cast<std::size_t>(each.partition)];
    of.begin = each.offset < 0 ? of.end : std::clamp(each.offset, of.low, of.end);
  }
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw input_error{"--from: the broker does not tell where that time is: " + text_of(error) +
                      trouble()};
}

} // namespace convoy::tool
