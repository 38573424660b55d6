// What happens when partitions come and go. All of it is called by librdkafka, in the reader's polls.

#include "reader.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace convoy::kafka::detail {

namespace {

constexpr int most_wait_ms = 2'000; // for an answer of the brokers; then again
constexpr milliseconds between_questions{200};
// Not measured: for as many keys as there may be records in flight it takes some milliseconds.
constexpr std::chrono::seconds most_wait_to_clear{1};

std::unique_ptr<convoy::detail::delivery> make_flying() {
  return std::make_unique<flying_record>();
}

std::string name_of(const rd_kafka_topic_partition_t& which) {
  return std::string(which.topic) + "[" + std::to_string(which.partition) + "]";
}

/// Where whoever had it before has got to.
progress progress_of(const rd_kafka_topic_partition_t& which) {
  if (which.offset < 0)
    return {};
  const auto first = static_cast<std::uint64_t>(which.offset);
  if (which.metadata != nullptr && which.metadata_size != 0) {
    auto found = progress_from_text({static_cast<const char*>(which.metadata), which.metadata_size},
                                    name_of(which));
    if (found && found->lowest == first)
      return *std::move(found);
  }
  return {first, {}};
}

} // namespace

void reader::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                          rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  if (*static_cast<reader**>(opaque) == nullptr)
    return (void)rd_kafka_assign(client, nullptr); // it is closed, and was handed in
  auto& its = **static_cast<reader**>(opaque);
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    try {
      return its.assigned(partitions);
    } catch (...) {
      its.failed = std::current_exception(); // librdkafka could not let it through
    }
  }
  its.hand_in();
  (void)rd_kafka_assign(client, nullptr);
}

void reader::hand_in() noexcept {
  try {
    revoked();
  } catch (...) {
    failed = std::current_exception();
  }
  forget_all();
}

void reader::on_commit(rd_kafka_t*, rd_kafka_resp_err_t code,
                       rd_kafka_topic_partition_list_t* offsets, void* opaque) {
  if (*static_cast<reader**>(opaque) == nullptr)
    return; // it is closed
  auto& its = **static_cast<reader**>(opaque);
  try {
    its.committer->done(its.held, code, offsets);
  } catch (...) {
    its.failed = std::current_exception();
  }
}

/// Where the group is, from its coordinator, however long that is away. False: it is no use any more.
bool reader::learn_committed(rd_kafka_topic_partition_list_t& partitions) {
  for (bool told = false;; std::this_thread::sleep_for(between_questions)) {
    auto code = rd_kafka_committed(client.get(), &partitions, most_wait_ms);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < partitions.cnt; ++i)
      code = partitions.elems[i].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
      return true;
    if (is_stopping() || rd_kafka_assignment_lost(client.get()) != 0)
      return false;
    if (!std::exchange(told, true))
      options.report("what group \"" + options.group +
                     "\" has committed can't be told, so nothing is read: " + text_of(code) +
                     "; it is tried again");
  }
}

/// Gaps beyond the end of the log: it has lost its end, and these offsets come again with other records.
/// A broker that is late is asked again, or all of them would be handled twice.
void reader::drop_what_comes_again(const rd_kafka_topic_partition_t& of, progress& before,
                                   clock::time_point until) {
  if (before.finished.empty())
    return;
  std::int64_t low = 0, high = 0;
  auto code = RD_KAFKA_RESP_ERR__TIMED_OUT;
  for (bool again = false; code != RD_KAFKA_RESP_ERR_NO_ERROR && clock::now() < until &&
                           !is_stopping() && rd_kafka_assignment_lost(client.get()) == 0;
       again = true) {
    if (again)
      std::this_thread::sleep_for(between_questions);
    code = rd_kafka_query_watermark_offsets(client.get(), of.topic, of.partition, &low, &high,
                                            most_wait_ms);
  }
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR &&
      before.finished.back().end <= static_cast<std::uint64_t>(std::max<std::int64_t>(high, 0)))
    return;
  if (is_stopping())
    return; // nothing is read any more
  before.finished.clear();
  options.report(name_of(of) + ": what was finished above offset " + std::to_string(of.offset) +
                 " is handled again, as " +
                 (code == RD_KAFKA_RESP_ERR_NO_ERROR ? "the log has lost its end"
                                                     : "its end can't be told: " + text_of(code)));
}

std::vector<progress> reader::finished_before(const rd_kafka_topic_partition_list_t& partitions) {
  const auto until = after(options.connect); // for all of them
  std::vector<progress> all;
  for (int i = 0; i < partitions.cnt && !is_stopping(); ++i) {
    all.push_back(progress_of(partitions.elems[i]));
    drop_what_comes_again(partitions.elems[i], all.back(), until);
  }
  return all;
}

void reader::assigned(rd_kafka_topic_partition_list_t* partitions) {
  if (is_stopping()) {
    (void)rd_kafka_assign(client.get(), nullptr);
    return;
  }
  for (int i = 0; i < partitions->cnt; ++i) // a regular expression fits it
    if (partitions->elems[i].topic == options.dead_letter_topic)
      throw error(
          "convoy::kafka: dead_letter_topic \"" + options.dead_letter_topic +
          "\" is one of the topics that are read: each dead letter would be read again, and "
          "fail again; take another");
  if (!learn_committed(*partitions)) {
    (void)rd_kafka_assign(client.get(), nullptr);
    return;
  }
  auto all_before = finished_before(*partitions);
  if (is_stopping()) {
    (void)rd_kafka_assign(client.get(), nullptr);
    return;
  }

  books.clear_lanes(*lanes, after(most_wait_to_clear)); // what has parked since
  // A new queue: what the last one still has is of an assignment that is over.
  records.reset(rd_kafka_queue_new(client.get()));
  last_home = {};
  held.reserve(static_cast<std::size_t>(partitions->cnt));
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& each = partitions->elems[i];
    auto& before = all_before[static_cast<std::size_t>(i)];
    const auto first = before.lowest;
    held_partition its{each.topic, each.partition, nullptr, each.offset, each.offset, {}, false};
    if (each.metadata != nullptr)
      its.asked_text.assign(static_cast<const char*>(each.metadata), each.metadata_size);
    its.records = &books.open(name_of(each), first, std::move(before), &make_flying);
    held.push_back(std::move(its));
    const owned<rd_kafka_queue_t> queue(
        rd_kafka_queue_get_partition(client.get(), each.topic, each.partition));
    rd_kafka_queue_forward(queue.get(), records.get()); // before it is fetched from
  }
  if (const auto answer = rd_kafka_assign(client.get(), partitions);
      answer != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw error("convoy::kafka: partitions can't be assigned: " + text_of(answer));
}

/// Nothing new begins; what runs is waited for, and committed unless the group has gone on without
/// us.
void reader::revoked() {
  answer_by = after(options.connect);
  for (const auto& each : held)
    books.retire(*each.records);
  if (rd_kafka_assignment_lost(client.get()) == 0) {
    (void)books.wait_until_quiet(after(options.at_end.finish), [this] {
      if (letter_box != nullptr)
        letter_box->poll();
    });
    answer_by = after(options.connect);
    if (rd_kafka_assignment_lost(client.get()) == 0) // or it was meanwhile
      (void)committer->wait(held, answer_by);
  }
  forget_all();
  books.clear_lanes(*lanes, after(most_wait_to_clear));
}

void reader::forget_all() {
  last_home = {};
  for (const auto& each : held)
    books.forget(*each.records);
  held.clear();
}

} // namespace convoy::kafka::detail
