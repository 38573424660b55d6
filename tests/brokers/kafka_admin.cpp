// What tests do to a Kafka from outside, and quicker than its own tools, which begin with a JVM each.
//   kafka_admin BROKERS [-X SETTING=VALUE]… COMMAND…
//     create TOPIC PARTITIONS [CONFIG=VALUE]…      a topic with such settings (max.message.bytes, cleanup.policy)
//     touch TOPIC                                  has a mock cluster, which can't create topics, make it up: 4 partitions
//     delete TOPIC…
//     produce TOPIC COUNT [NAME=VALUE]…            see generated.hpp; a line per record: partition, offset, key
//     write TOPIC                                  records from stdin, a line each: key, a tab, value
//     read TOPIC                                   a line per record: partition, offset, key, value, headers
//     watermarks TOPIC                             a line per partition: partition, first offset, next offset
//     committed GROUP TOPIC                        a line per partition: partition, offset (-1001: none), metadata
//     commit GROUP TOPIC PARTITION OFFSET [METADATA]   for a group without members
//     group GROUP                                  its state, then a line per member: id, client's id
// Fields are between tabs and percent-encoded; what is null is \N. Settings are librdkafka's. Exit status 1: it failed, and
// a line on stderr says why.
#include "generated.hpp"
#include "kafka_client.hpp"
#include "pace.hpp"
#include "text.hpp"

#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <optional>

namespace {

using namespace brokers;

int partitions_of(const client& kafka, const std::string& topic) {
  const topic_handle handle{rd_kafka_topic_new(kafka.get(), topic.c_str(), nullptr)};
  const struct rd_kafka_metadata* metadata = nullptr;
  check(rd_kafka_metadata(kafka.get(), 0, handle.get(), &metadata, patience_ms),
        "metadata of " + topic);
  const owned<const struct rd_kafka_metadata, rd_kafka_metadata_destroy> guard{metadata};
  check(metadata->topics[0].err, "metadata of " + topic);
  for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
    check(metadata->topics[0].partitions[i].err, "metadata of " + topic);
  }
  return metadata->topics[0].partition_cnt;
}

partition_list all_partitions(const client& kafka, const std::string& topic, std::int64_t offset) {
  const int count = partitions_of(kafka, topic);
  partition_list list{rd_kafka_topic_partition_list_new(count)};
  for (int i = 0; i < count; ++i) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i)->offset = offset;
  }
  return list;
}

void create(const client& kafka, const std::string& topic, int partitions,
            const arguments& config) {
  char text[256];
  const owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy> wanted{
      rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, text, sizeof text)};
  if (!wanted) {
    throw std::runtime_error{text};
  }
  for (const auto& [name, value] : config.all()) {
    check(rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str()), name);
  }
  rd_kafka_NewTopic_t* topics[] = {wanted.get()};
  const queue results{rd_kafka_queue_new(kafka.get())};
  rd_kafka_CreateTopics(kafka.get(), topics, 1, nullptr, results.get());
  check_topics(results, rd_kafka_event_CreateTopics_result, rd_kafka_CreateTopics_result_topics);
  wait_until([&] { return partitions_of(kafka, topic) == partitions; }, "leaders of " + topic);
}

void remove(const client& kafka, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const owned<rd_kafka_DeleteTopic_t, rd_kafka_DeleteTopic_destroy> unwanted{
        rd_kafka_DeleteTopic_new(name.c_str())};
    rd_kafka_DeleteTopic_t* topics[] = {unwanted.get()};
    const queue results{rd_kafka_queue_new(kafka.get())};
    rd_kafka_DeleteTopics(kafka.get(), topics, 1, nullptr, results.get());
    check_topics(results, rd_kafka_event_DeleteTopics_result, rd_kafka_DeleteTopics_result_topics);
  }
}

// The opaque pointer of the producer: how many deliveries failed, and why the first of them did.
struct deliveries {
  std::int64_t reported = 0;
  std::string failure;
};

void delivered(rd_kafka_t* /*kafka*/, const rd_kafka_message_t* m, void* opaque) {
  auto& all = *static_cast<deliveries*>(opaque);
  if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    all.failure = all.failure.empty() ? rd_kafka_err2str(m->err) : all.failure;
    return;
  }
  ++all.reported;
  std::cout << m->partition << '\t' << m->offset << '\t' << encoded(m->key, m->key_len) << '\n';
}

// Until next() has no more.
void produce(settings with, const std::string& topic,
             const std::function<std::optional<generated_record>()>& next) {
  deliveries all;
  with.set("enable.idempotence",
           "true"); // else a broker that is killed may get a record twice, and reports it once
  with.set("linger.ms", "5");
  with.set("topic.metadata.propagation.max.ms", std::to_string(patience_ms)); // of an unknown topic
  rd_kafka_conf_set_dr_msg_cb(with.get(), delivered);
  rd_kafka_conf_set_opaque(with.get(), &all);
  const client kafka{RD_KAFKA_PRODUCER, std::move(with)};
  const topic_handle handle{rd_kafka_topic_new(kafka.get(), topic.c_str(), nullptr)};
  std::int64_t count = 0;
  for (std::optional<generated_record> made; all.failure.empty() && (made = next()); ++count) {
    generated_record& record = *made;
    while (rd_kafka_produce(handle.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                            record.value.data(), record.value.size(),
                            record.key ? record.key->data() : nullptr,
                            record.key ? record.key->size() : 0, nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        check(rd_kafka_last_error(), "produce to " + topic);
      }
      rd_kafka_poll(kafka.get(), 10);
    }
    rd_kafka_poll(kafka.get(), 0);
  }
  check(rd_kafka_flush(kafka.get(), 10 * patience_ms), "flush to " + topic);
  if (!all.failure.empty() || all.reported != count) {
    throw std::runtime_error{std::to_string(all.reported) + " of " + std::to_string(count) +
                             " delivered: " + all.failure};
  }
}

std::string headers_of(const rd_kafka_message_t* m) {
  rd_kafka_headers_t* headers = nullptr;
  std::string text;
  if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      text += (i == 0 ? "" : "&") + encoded(name) + '=' + encoded(value, size);
    }
  }
  return text;
}

void read(settings with, const std::string& topic) {
  with.set("group.id", "read");
  with.set("enable.auto.commit", "false");
  with.set("enable.partition.eof", "true");
  const client kafka{RD_KAFKA_CONSUMER, std::move(with)};
  check(rd_kafka_poll_set_consumer(kafka.get()), "consumer");
  const partition_list all = all_partitions(kafka, topic, RD_KAFKA_OFFSET_BEGINNING);
  check(rd_kafka_assign(kafka.get(), all.get()), "assign");
  for (int ended = 0; ended < all->cnt;) {
    const message m{rd_kafka_consumer_poll(kafka.get(), patience_ms)};
    if (!m) {
      throw std::runtime_error{"nothing came of " + topic};
    }
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      ++ended;
    } else if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      std::cout << m->partition << '\t' << m->offset << '\t' << encoded(m->key, m->key_len) << '\t'
                << encoded(m->payload, m->len) << '\t' << headers_of(m.get()) << '\n';
    } else {
      std::cerr << rd_kafka_message_errstr(m.get()) << '\n'; // librdkafka tries again by itself
    }
  }
}

void watermarks(const client& kafka, const std::string& topic) {
  const int count = partitions_of(kafka, topic);
  for (int i = 0; i < count; ++i) {
    std::int64_t first = 0;
    std::int64_t next = 0;
    check(
        rd_kafka_query_watermark_offsets(kafka.get(), topic.c_str(), i, &first, &next, patience_ms),
        "watermarks");
    std::cout << i << '\t' << first << '\t' << next << '\n';
  }
}

void committed(settings with, const std::string& group, const std::string& topic) {
  with.set("group.id", group);
  const client kafka{RD_KAFKA_CONSUMER, std::move(with)};
  const partition_list all = all_partitions(kafka, topic, RD_KAFKA_OFFSET_INVALID);
  const auto request = [&] { return rd_kafka_committed(kafka.get(), all.get(), patience_ms); };
  ask_coordinator(request, "committed offsets");
  for (int i = 0; i < all->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = all->elems[i];
    check(one.err, "committed offset");
    std::cout << one.partition << '\t' << one.offset << '\t'
              << encoded(one.metadata, one.metadata_size) << '\n';
  }
}

void commit(settings with, const std::string& group, const std::string& topic, int partition,
            std::int64_t offset, std::string metadata) {
  with.set("group.id", group);
  const client kafka{RD_KAFKA_CONSUMER, std::move(with)};
  const partition_list list{rd_kafka_topic_partition_list_new(1)};
  rd_kafka_topic_partition_t* one =
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  one->offset = offset;
  if (!metadata.empty()) {
    one->metadata = std::malloc(metadata.size()); // the list frees it
    one->metadata_size = metadata.size();
    std::memcpy(one->metadata, metadata.data(), metadata.size());
  }
  const auto request = [&] { return rd_kafka_commit(kafka.get(), list.get(), 0); };
  ask_coordinator(request, "commit");
}

void describe(const client& kafka, const std::string& name) {
  const struct rd_kafka_group_list* list = nullptr;
  ask_coordinator(
      [&] { return rd_kafka_list_groups(kafka.get(), name.c_str(), &list, patience_ms); },
      "groups");
  const owned<const struct rd_kafka_group_list, rd_kafka_group_list_destroy> guard{list};
  if (list->group_cnt == 0) {
    throw std::runtime_error{"no group is called " + name};
  }
  const struct rd_kafka_group_info& group = list->groups[0];
  check(group.err, "group " + name);
  std::cout << encoded(group.state) << '\n';
  for (int i = 0; i < group.member_cnt; ++i) {
    std::cout << encoded(group.members[i].member_id) << '\t' << encoded(group.members[i].client_id)
              << '\n';
  }
}

void run(std::vector<std::string> words) {
  settings with;
  std::size_t taken = 0;
  const auto next = [&] {
    if (taken == words.size()) {
      throw std::runtime_error{
          "an argument is missing; the top of kafka_admin.cpp says what there is"};
    }
    return words[taken++];
  };
  const auto pairs = [&] {
    arguments given;
    while (taken < words.size()) {
      given.add(next());
    }
    return given;
  };
  with.set("bootstrap.servers", next());
  std::string command = next();
  for (; command == "-X"; command = next()) {
    const std::string setting = next();
    with.set(setting.substr(0, setting.find('=')), setting.substr(setting.find('=') + 1));
  }
  const auto plain_client = [&] { return client{RD_KAFKA_PRODUCER, std::move(with)}; };
  const std::string name = next();
  if (command == "create") {
    const auto partitions = static_cast<int>(number(next()));
    create(plain_client(), name, partitions, pairs());
  } else if (command == "touch") {
    with.set("allow.auto.create.topics", "true");
    const client kafka = plain_client();
    wait_until([&] { return partitions_of(kafka, name) > 0; }, name);
  } else if (command == "delete") {
    remove(plain_client(), {words.begin() + static_cast<std::ptrdiff_t>(taken) - 1, words.end()});
  } else if (command == "produce") {
    const auto count = number(next());
    arguments given = pairs();
    const generated_options options = generated_from(given);
    generator generated{options};
    pace rate{options.rate};
    produce(std::move(with), name, [&, left = count]() mutable -> std::optional<generated_record> {
      if (left-- == 0) {
        return std::nullopt;
      }
      rate.wait();
      return generated();
    });
  } else if (command == "write") {
    produce(std::move(with), name, []() -> std::optional<generated_record> {
      std::string line;
      if (!std::getline(std::cin, line)) {
        return std::nullopt;
      }
      const auto tab = line.find('\t');
      return generated_record{line.substr(0, tab), line.substr(tab + 1)};
    });
  } else if (command == "read") {
    read(std::move(with), name);
  } else if (command == "watermarks") {
    watermarks(plain_client(), name);
  } else if (command == "committed") {
    committed(std::move(with), name, next());
  } else if (command == "commit") {
    const std::string topic = next();
    const auto partition = static_cast<int>(number(next()));
    const auto offset = number(next());
    commit(std::move(with), name, topic, partition, offset,
           taken < words.size() ? next() : std::string{});
  } else if (command == "group") {
    describe(plain_client(), name);
  } else {
    throw std::runtime_error{"no command is called '" + command + "'"};
  }
}

} // namespace

int main(int count, char** words) {
  std::ios::sync_with_stdio(false);
  try {
    run({words + 1, words + count});
    return std::cout.flush() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cout.flush();
    std::cerr << "kafka_admin: " << error.what() << '\n';
    return 1;
  }
}
