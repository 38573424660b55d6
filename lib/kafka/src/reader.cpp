#include "reader.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

namespace convoy::kafka::detail {

using convoy::detail::assignment;

namespace {

void check(const reader_options& wanted) {
  using convoy::detail::must_be_set;
  must_be_set(broker::names, "brokers", !wanted.brokers.empty());
  // librdkafka takes security.protocol there, too.
  convoy::detail::check_schemes(broker::names, "brokers", "host:port", wanted.brokers,
                                {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"});
  must_be_set(broker::names, "group", !wanted.group.empty());
  must_be_set(broker::names, "topics", !wanted.topics.empty());
  for (const auto& each : wanted.topics)
    must_be_set(broker::names, "a topic", !each.empty());
  if (std::find(wanted.topics.begin(), wanted.topics.end(), wanted.dead_letter_topic) !=
      wanted.topics.end())
    convoy::detail::refuse("convoy::kafka: dead_letter_topic", "none of the topics that are read",
                           '"' + wanted.dead_letter_topic + '"');
  wanted.check(broker::names);
}

reader_options checked(reader_options wanted) {
  check(wanted);
  wanted.report_to_somebody(broker::names);
  // librdkafka's callbacks, which are C, tell it too.
  for (auto* const each : {&wanted.report, &wanted.on_letter_refused})
    if (*each)
      *each = [users = std::move(*each)](std::string_view what) {
        try {
          users(what);
        } catch (...) {
          convoy::detail::to_stderr(broker::names.component)(what);
        }
      };
  return wanted;
}

/// There is something at an offset that librdkafka can't make a record of. Of some it tells, and goes
/// on behind it.
bool is_unreadable(rd_kafka_resp_err_t code) noexcept {
  return code == RD_KAFKA_RESP_ERR__BAD_MSG || code == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
         code == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED || code == RD_KAFKA_RESP_ERR_INVALID_MSG ||
         code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
}

std::string_view view(const void* bytes, std::size_t size) noexcept {
  return {static_cast<const char*>(bytes), size};
}

std::optional<std::string_view> optional_view(const void* bytes, std::size_t size) noexcept {
  return bytes == nullptr ? std::nullopt : std::optional(view(bytes, size));
}

} // namespace

reader::reader(reader_options wanted)
    : record_reader(broker::names, wanted), options(std::move(wanted)) {
  if (!options.dead_letter_topic.empty())
    letter_box = std::make_unique<letters>(options);
  configuration conf(options, self.get());
  conf.set("group.id", options.group);
  conf.set("enable.auto.commit", "false");
  conf.set("enable.auto.offset.store", "false");
  if (options.settings.count("auto.offset.reset") == 0)
    conf.set("auto.offset.reset", "earliest"); // of a new group nothing is passed over
  if (options.settings.count("partition.assignment.strategy") == 0)
    conf.set("partition.assignment.strategy", "range,roundrobin");
  rd_kafka_conf_set_rebalance_cb(conf.get(), &reader::on_rebalance);
  rd_kafka_conf_set_offset_commit_cb(conf.get(), &reader::on_commit);
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int code, const char* why, void* opaque) {
    reader* const its = *static_cast<reader**>(opaque);
    if (its == nullptr)
      return; // it is closed
    try {
      its->complain(static_cast<rd_kafka_resp_err_t>(code), why);
    } catch (...) { // it could not go through librdkafka
      its->failed = std::current_exception();
    }
  });
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  configured.emplace(std::move(conf));
}

// ---- run() ----

source_account reader::run(convoy::detail::record_lanes<record>& to) {
  only_once();
  lanes = &to;
  client = configured->make(RD_KAFKA_CONSUMER);
  committer.emplace(options, client.get());
  read_to_the_end();
  if (failed)
    std::rethrow_exception(std::exchange(failed, nullptr));
  return books.account();
}

/// What is wrong from the start is said before the group is joined.
bool reader::begin() {
  for (const auto& each : options.topics)
    if (each.front() != '^')
      must_exist(client.get(), said, options.brokers, "topic", each, options.connect, stopping);
  if (letter_box != nullptr)
    must_exist(letter_box->client(), letter_box->said(), options.brokers, "dead letter topic",
               options.dead_letter_topic, options.connect, stopping);
  if (is_stopping())
    return false;
  (void)rd_kafka_poll_set_consumer(client.get());
  const owned<rd_kafka_topic_partition_list_t> topics(
      rd_kafka_topic_partition_list_new(static_cast<int>(options.topics.size())));
  for (const auto& each : options.topics)
    rd_kafka_topic_partition_list_add(topics.get(), each.c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(client.get(), topics.get());
      code != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw error("convoy::kafka: the topics can't be subscribed to: " + text_of(code));
  has_begun = true;
  return true;
}

void reader::leave() {
  hand_in(); // first: librdkafka may have left the group by the time that its close() asks for it
  look_at_positions();
  records.reset();
  const bool has_told = committer->is_unanswered();
  committer.reset();
  *self = nullptr;
  if (!close_consumer(std::move(client), self, answer_by) && !has_told)
    options.report("group \"" + options.group +
                   "\" could not be left, as no broker answers: it gives our partitions to others "
                   "after session.timeout.ms");
}

// ---- what comes in ----

bool reader::read_one(milliseconds wait) {
  if (records == nullptr) { // nothing is assigned
    std::this_thread::sleep_for(milliseconds(1));
    return false;
  }
  const owned<rd_kafka_message_t> message(
      rd_kafka_consume_queue(records.get(), static_cast<int>(wait.count())));
  if (message == nullptr)
    return false;
  has_waited(wait);
  take(*message);
  return true;
}

void reader::take(const rd_kafka_message_t& message) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR)
    return take_error(message);
  is_cut_off = false;
  held_partition* const home = home_of(message);
  if (home == nullptr)
    return; // of an assignment that is over
  if (!std::exchange(home->has_begun, true) ||
      static_cast<std::uint64_t>(message.offset) < home->records->marks().end())
    look_at_beginning(*home, message.offset);
  if (home->records->was_finished(static_cast<std::uint64_t>(message.offset)))
    books.count_passed_over();
  else
    hand_on(*home, message);
}

/// What was committed may be in the topic no more.
void reader::look_at_beginning(const held_partition& home, std::int64_t offset) {
  const auto expected = static_cast<std::int64_t>(home.records->marks().end());
  if (offset < expected)
    throw error(
        "convoy::kafka: " + home.records->name() + " goes on at offset " + std::to_string(offset) +
        ", before " + std::to_string(expected) + ", where group \"" + options.group +
        "\" was: the topic was created anew, or has lost its end; use another group, or set "
        "this one's offsets");
  std::int64_t low = 0, high = 0;
  if (home.committed >= 0 &&
      rd_kafka_get_watermark_offsets(client.get(), home.topic.c_str(), home.partition, &low,
                                     &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
      low > expected)
    options.report(home.records->name() + " begins at offset " + std::to_string(low) +
                   ": what was between " + std::to_string(expected) +
                   " and it was deleted before it was handled");
}

void reader::take_error(const rd_kafka_message_t& message) {
  const char* const told = rd_kafka_message_errstr(&message);
  const char* const why = told != nullptr ? told : rd_kafka_err2str(message.err);
  if (message.rkt != nullptr && is_unreadable(message.err)) {
    const held_partition* const home = home_of(message);
    if (home == nullptr)
      return; // of an assignment that is over
    // At once: the next record would make what lies before it count as finished.
    throw error("convoy::kafka: " + home->records->name() + " can't be read, at offset " +
                std::to_string(message.offset) + ": " + why + "; nothing is passed over");
  }
  complain(message.err, why);
  // Else nobody would know why nothing comes: the group does not let us in, say.
  if (!failed && message.err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN &&
      message.err != RD_KAFKA_RESP_ERR__TRANSPORT && std::exchange(told_last, why) != why)
    options.report(why);
}

held_partition* reader::home_of(const rd_kafka_message_t& message) {
  if (message.rkt != last_home.topic || message.partition != last_home.partition)
    last_home = {message.rkt, message.partition,
                 find(held, rd_kafka_topic_name(message.rkt), message.partition)};
  return last_home.home;
}

void reader::hand_on(held_partition& home, const rd_kafka_message_t& message) {
  read_record from;
  from.offset = message.offset;
  auto kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  from.timestamp_ms = rd_kafka_message_timestamp(&message, &kind);
  if (kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
    from.timestamp_ms = -1;
  from.key = optional_view(message.key, message.key_len);
  from.value = optional_view(message.payload, message.len);
  headers.clear();
  rd_kafka_headers_t* all = nullptr;
  if (rd_kafka_message_headers(&message, &all) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(all, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
      headers.push_back({name, optional_view(value, size)});
  }
  from.headers = headers;
  deliver(books, *home.records, home.topic, home.partition, from, options.null_key, read_at,
          *lanes);
}

// ---- the rest ----

/// Answers rebalances and commits, without waiting.
void reader::serve() {
  while (const owned<rd_kafka_message_t> event{rd_kafka_consumer_poll(client.get(), 0)})
    take(*event); // an error, as the partitions' records go to a queue of their own
  if (letter_box != nullptr)
    letter_box->poll();
  if (failed)
    std::rethrow_exception(std::exchange(failed, nullptr));
}

void reader::complain(rd_kafka_resp_err_t code, const char* why) {
  said.add(code, why);
  if (!has_begun) // begin() says it
    return;
  if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
    failed = std::make_exception_ptr(error(
        "convoy::kafka: what was committed is not in the topic any more: " + std::string(why)));
  else if (said.refused())
    failed =
        std::make_exception_ptr(error("convoy::kafka: " + options.brokers + " refuses us: " + why));
  else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    if (!std::exchange(is_cut_off, true))
      options.report("no broker of " + options.brokers + " can be reached: " + said.last() +
                     "; reading goes on when one is back");
  } else if (code == RD_KAFKA_RESP_ERR__FATAL) { // it does nothing more: it was fenced, say
    failed = std::make_exception_ptr(
        error("convoy::kafka: librdkafka has given up: " + std::string(why)));
  }
}

void reader::look() {
  look_for_blocked(*lanes, "its partition");
  look_at_positions();
}

void reader::look_at_positions() {
  books.publish([this](const assignment& of, source_position& its) {
    const auto at = std::find_if(held.begin(), held.end(),
                                 [&](const auto& each) { return each.records == &of; });
    its.committed = static_cast<std::uint64_t>(std::max<std::int64_t>(at->committed, 0));
    std::int64_t low = 0, high = 0;
    if (client != nullptr &&
        rd_kafka_get_watermark_offsets(client.get(), at->topic.c_str(), at->partition, &low,
                                       &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        high > static_cast<std::int64_t>(its.watermark))
      its.lag = static_cast<std::uint64_t>(high) - its.watermark;
  });
}

std::unique_ptr<convoy::detail::record_reader<record>> broker::make_reader(reader_options wanted) {
  return std::make_unique<reader>(checked(std::move(wanted)));
}

} // namespace convoy::kafka::detail
