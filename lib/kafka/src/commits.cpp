#include "commits.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace convoy::kafka::detail {

namespace {

/// The group has gone on without us: whoever has the partition now reads from what was committed.
bool is_of_a_lost_assignment(rd_kafka_resp_err_t code) noexcept {
  return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
         code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
         code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || code == RD_KAFKA_RESP_ERR__DESTROY;
}

void set_metadata(rd_kafka_topic_partition_t& of, const std::string& text) {
  if (text.empty())
    return;
  of.metadata = ::strdup(text.c_str()); // the list frees it
  if (of.metadata == nullptr)
    throw std::bad_alloc();
  of.metadata_size = text.size();
}

} // namespace

held_partition* find(std::vector<held_partition>& in, std::string_view topic,
                     std::int32_t partition) noexcept {
  const auto at = std::find_if(in.begin(), in.end(), [&](const held_partition& each) {
    return each.partition == partition && each.topic == topic;
  });
  return at == in.end() ? nullptr : &*at;
}

owned<rd_kafka_topic_partition_list_t> commits::list_of(std::vector<held_partition>& of,
                                                        which wanted) {
  owned<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(of.size())));
  for (auto& each : of) {
    const auto& marks = each.records->marks();
    if (marks.end() == 0) // nothing was read, and where it begins is not known
      continue;
    const auto so_far = each.records->so_far();
    const auto offset = static_cast<std::int64_t>(so_far.lowest);
    std::string text;
    if (options_.commit.gaps && !so_far.finished.empty())
      text = to_text(so_far, each.records->name(), most_text_);
    if (wanted == which::changed && offset == each.asked && text == each.asked_text)
      continue;
    auto* const entry =
        rd_kafka_topic_partition_list_add(list.get(), each.topic.c_str(), each.partition);
    entry->offset = offset;
    set_metadata(*entry, text);
    each.asked = offset;
    each.asked_text = std::move(text);
  }
  return list;
}

void commits::ask(std::vector<held_partition>& of) {
  const auto list = list_of(of, which::changed);
  if (list->cnt == 0)
    return;
  if (const auto code = rd_kafka_commit(client_, list.get(), 1); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    (void)failed(of, code);
}

/// librdkafka asks again for as long as no broker answers, so a commit that waits for it may never
/// return.
owned<rd_kafka_event_t> commits::answer_to(const rd_kafka_topic_partition_list_t& asked,
                                           clock::time_point until) {
  const owned<rd_kafka_queue_t> answers(rd_kafka_queue_new(client_));
  if (rd_kafka_commit_queue(client_, &asked, answers.get(), nullptr, nullptr) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    return nullptr;
  const auto wait =
      std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now()).count();
  return owned<rd_kafka_event_t>(rd_kafka_queue_poll(
      answers.get(),
      static_cast<int>(std::clamp<std::int64_t>(wait, 0, std::numeric_limits<int>::max()))));
}

bool commits::wait(std::vector<held_partition>& of, clock::time_point until) {
  for (;;) {
    const auto list = list_of(of, which::all);
    if (list->cnt == 0)
      return true;
    const auto answer = answer_to(*list, until);
    if (answer == nullptr) {
      is_unanswered_ = true;
      tell_unsent(of, "no broker answers");
      return false;
    }
    const auto* const offsets = rd_kafka_event_topic_partition_list(answer.get());
    auto code = rd_kafka_event_error(answer.get());
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < offsets->cnt; ++i)
      code = offsets->elems[i].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      done(of, code, offsets);
      return true;
    }
    if (is_of_a_lost_assignment(code))
      return false; // whoever has the partition now sees to it
    if (!failed(of, code)) {
      tell_unsent(of, text_of(code));
      return false;
    }
  }
}

void commits::tell_unsent(const std::vector<held_partition>& of, const std::string& why) {
  constexpr int most_named = 3;
  std::string since;
  int count = 0;
  for (const auto& each : of) {
    const auto lowest = static_cast<std::int64_t>(each.records->marks().lowest());
    if (each.records->marks().end() == 0 ||
        (lowest == each.committed && each.records->marks().gaps() == 0))
      continue; // there is nothing to be handled again
    if (++count <= most_named)
      since += (since.empty() ? "" : ", ") + each.records->name() + " offset " +
               std::to_string(std::max<std::int64_t>(each.committed, 0));
  }
  if (count == 0)
    return;
  if (count > most_named)
    since += " and " + std::to_string(count - most_named) + " more";
  options_.report("the last commit of group \"" + options_.group + "\" could not be sent: " + why +
                  "; what was handled since " + since + " will be handled again");
}

void commits::done(std::vector<held_partition>& of, rd_kafka_resp_err_t code,
                   const rd_kafka_topic_partition_list_t* offsets) {
  if (code == RD_KAFKA_RESP_ERR__NO_OFFSET)
    return;
  for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < offsets->cnt; ++i)
    code = offsets->elems[i].err;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return void(failed(of, code));
  told_ = false;
  for (int i = 0; i < offsets->cnt; ++i) // an answer may be to an earlier assignment's
    if (auto* const its = find(of, offsets->elems[i].topic, offsets->elems[i].partition))
      its->committed = std::max(its->committed, offsets->elems[i].offset);
}

bool commits::failed(std::vector<held_partition>& of, rd_kafka_resp_err_t code) {
  for (auto& each : of) { // all is asked for again
    each.asked = RD_KAFKA_OFFSET_INVALID;
    each.asked_text.clear();
  }
  if (code == RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE && most_text_ != 0) {
    most_text_ /= 2;
    return true;
  }
  const bool is_last = !of.empty() && of.front().records->is_retired(); // wait() tells it
  if (is_of_a_lost_assignment(code) || is_last || told_)
    return false;
  told_ = true;
  options_.report("a commit of group \"" + options_.group + "\" has failed: " + text_of(code) +
                  (of.empty() ? "" : "; it is tried again"));
  return false;
}

} // namespace convoy::kafka::detail
