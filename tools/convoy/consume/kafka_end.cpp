#include "consume/kafka_end.hpp"

#include "broker/kafka_client.hpp"
#include "broker/request.hpp"
#include "text/input_error.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace convoy::tool {
namespace {

using std::chrono::milliseconds;
using ends_clock = std::chrono::steady_clock;
using partition_list = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                       decltype(&rd_kafka_topic_partition_list_destroy)>;
using held_message = std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)>;

/// Settings of a group's members mean nothing to who only looks.
bool is_of_members(std::string_view setting) {
  return setting == "auto.offset.reset" || setting == "allow.auto.create.topics" ||
         setting.starts_with("group.");
}

broker_request look_into(const consume_request& request, const std::string& topic) {
  broker_request look;
  look.url = request.url;
  look.url.name = topic;
  look.patience = request.patience;
  for (const auto& each : request.settings)
    if (!is_of_members(each.first))
      look.settings.push_back(each);
  return look;
}

std::string name_of(const std::string& topic, std::int32_t partition) {
  return topic + "[" + std::to_string(partition) + "]";
}

/// The last record of a partition. Offsets before its end may hold none: they are of compacted
/// records, or of marks of transactions.
class last_record {
public:
  last_record(kafka_client& client, const broker_request& request, std::int32_t partition,
              const kafka_client::span& span)
      : client_{client}, request_{request}, partition_{partition}, span_{span} {}

  /// Nothing: there is none.
  [[nodiscard]] std::optional<std::uint64_t> find() {
    for (std::int64_t back = 1;; back *= 2) {
      const std::int64_t from = std::max(span_.low, span_.end - back);
      if (from >= span_.end)
        return {};
      if (const auto found = last_from(from))
        return found;
      if (from == span_.low)
        return {};
    }
  }

private:
  std::optional<std::uint64_t> last_from(std::int64_t from) {
    if (rd_kafka_consume_start(client_.topic(), partition_, from) != 0)
      refuse(rd_kafka_err2str(rd_kafka_last_error()));
    const struct stopper {
      last_record& its;
      ~stopper() { rd_kafka_consume_stop(its.client_.topic(), its.partition_); }
    } stop{*this};
    std::optional<std::uint64_t> last;
    const auto give_up_at = ends_clock::now() + request_.patience;
    for (;;) {
      const held_message each{rd_kafka_consume(client_.topic(), partition_, 100),
                              &rd_kafka_message_destroy};
      client_.look();
      if (each == nullptr) {
        if (ends_clock::now() > give_up_at)
          refuse("the broker does not tell its last record" + client_.trouble());
        continue;
      }
      if (each->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
          (each->err == RD_KAFKA_RESP_ERR_NO_ERROR && each->offset >= span_.end))
        return last;
      if (each->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        refuse(rd_kafka_message_errstr(each.get()));
      last = static_cast<std::uint64_t>(each->offset);
      if (each->offset + 1 == span_.end)
        return last;
    }
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw input_error{name_of(request_.url.name, partition_) + ": " + why};
  }

  kafka_client& client_;
  const broker_request& request_;
  std::int32_t partition_;
  kafka_client::span span_;
};

} // namespace

kafka_group::kafka_group(const consume_request& request) {
  std::array<char, 512> why{};
  std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> conf{rd_kafka_conf_new(),
                                                                          &rd_kafka_conf_destroy};
  const auto set = [&](const std::string& name, const std::string& value) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size()) !=
        RD_KAFKA_CONF_OK)
      throw input_error{"--broker-setting " + in_quotes(name) + ": " + why.data()};
  };
  std::string servers;
  for (const broker_url::address& each : request.url.servers)
    servers.append(servers.empty() ? "" : ",").append(address_text(each));
  set("bootstrap.servers", servers);
  set("client.id", "convoy");
  for (const auto& [name, value] : request.settings)
    if (!is_of_members(name))
      set(name, value);
  set("group.id", request.group);
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  client_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), why.data(), why.size()));
  if (!client_)
    throw input_error{why.data()};
  static_cast<void>(conf.release()); // it is the client's now
}

bool kafka_group::ask(std::vector<part>& parts, milliseconds patience) {
  const partition_list list{rd_kafka_topic_partition_list_new(static_cast<int>(parts.size())),
                            &rd_kafka_topic_partition_list_destroy};
  for (const part& each : parts)
    rd_kafka_topic_partition_list_add(list.get(), each.topic.c_str(), each.partition);
  if (rd_kafka_committed(client_.get(), list.get(), static_cast<int>(patience.count())) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    return false;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return false;
  for (std::size_t i = 0; i < parts.size(); ++i)
    parts[i].committed = list->elems[i].offset;
  return true;
}

kafka_end::kafka_end(const consume_request& request) : group_{request} {
  for (const std::string& topic : request.names) {
    const broker_request look = look_into(request, topic);
    kafka_client client{look};
    const std::vector<kafka_client::span> spans = client.spans(client.partitions());
    for (std::size_t i = 0; i < spans.size(); ++i) {
      const auto partition = static_cast<std::int32_t>(i);
      if (const auto last = last_record{client, look, partition, spans[i]}.find())
        unfinished_.push_back({topic, partition, *last});
    }
  }
}

void must_be_there(const consume_request& request) {
  for (const std::string& topic : request.names)
    if (topic.front() != '^') {
      const broker_request look = look_into(request, topic);
      static_cast<void>(kafka_client{look}.partitions());
    }
}

bool kafka_end::is_reached(const std::vector<source_position>& ours) {
  bool has_others = false;
  std::erase_if(unfinished_, [&](const part& each) {
    const auto found =
        std::ranges::find(ours, name_of(each.topic, each.partition), &source_position::name);
    has_others = has_others || found == ours.end();
    return found != ours.end() && found->watermark > each.last;
  });
  constexpr milliseconds between_questions{500};
  if (unfinished_.empty() || !has_others || ends_clock::now() < next_question_)
    return unfinished_.empty();
  // Other members of the group have partitions, too, or nobody has them yet.
  std::vector<kafka_group::part> parts;
  for (const part& each : unfinished_)
    parts.push_back({each.topic, each.partition});
  if (group_.ask(parts, milliseconds{1000}))
    std::erase_if(unfinished_, [&](const part& each) {
      const auto found = std::ranges::find_if(parts, [&](const auto& p) {
        return p.topic == each.topic && p.partition == each.partition;
      });
      return found->committed > static_cast<std::int64_t>(each.last);
    });
  next_question_ = ends_clock::now() + between_questions;
  return unfinished_.empty();
}

void tell_committed(const consume_request& request, std::vector<source_position>& positions) {
  constexpr milliseconds patience{2000};
  std::vector<kafka_group::part> parts;
  for (const source_position& each : positions) {
    const std::size_t bracket = each.name.rfind('[');
    parts.push_back({each.name.substr(0, bracket),
                     static_cast<std::int32_t>(std::stol(each.name.substr(bracket + 1)))});
  }
  if (parts.empty())
    return;
  kafka_group group{request};
  if (!group.ask(parts, patience))
    return;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::int64_t committed = std::max<std::int64_t>(parts[i].committed, 0);
    std::int64_t low = 0, end = 0;
    if (rd_kafka_query_watermark_offsets(group.client(), parts[i].topic.c_str(), parts[i].partition,
                                         &low, &end, static_cast<int>(patience.count())) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
      return;
    positions[i].committed = positions[i].watermark = static_cast<std::uint64_t>(committed);
    positions[i].lag =
        static_cast<std::uint64_t>(std::max(end - std::max(committed, low), std::int64_t{0}));
    positions[i].in_flight = 0;
  }
}

} // namespace convoy::tool
