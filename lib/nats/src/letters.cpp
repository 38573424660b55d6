#include "letters.hpp"

#include "flying_record.hpp"

#include <charconv>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace convoy::nats::detail {

using convoy::detail::gate;
using convoy::detail::way_out;
using steady = std::chrono::steady_clock;

namespace {

// Not measured: a server that stores a message answers in a fraction of it.
constexpr std::chrono::seconds most_wait_for_answer{5};
constexpr std::chrono::seconds between_tries{1};

std::string reason_of(const dead_letter<std::string, record>& letter) {
  if (!letter.last_error)
    return std::string(letter.reason);
  try {
    std::rethrow_exception(letter.last_error);
  } catch (const std::exception& thrown) {
    return thrown.what();
  } catch (...) {
    return "no std::exception";
  }
}

/// A header is one line.
void add(natsMsg* to, const std::string& name, std::string value) {
  for (char& each : value)
    if (each == '\r' || each == '\n')
      each = ' ';
  if (natsMsgHeader_Add(to, name.c_str(), value.c_str()) != NATS_OK)
    throw std::bad_alloc();
}

/// What was said to the stream that it was in is not for another one.
bool is_for_its_stream(std::string_view header) noexcept {
  return header.starts_with("Nats-");
}

} // namespace

std::string refusal_in(std::string_view answer) {
  if (answer.find("\"error\":") == answer.npos && answer.find("\"seq\":") != answer.npos)
    return {};
  constexpr std::string_view before = R"("description":")";
  const auto at = answer.find(before);
  if (at == answer.npos)
    return "the answer is \"" + std::string(answer.substr(0, 100)) + "\"";
  answer.remove_prefix(at + before.size());
  return std::string(answer.substr(0, answer.find('"')));
}

struct letters::sent {
  record what;
  gate& way;
  owned<natsMsg> message = {}; // ready to be sent, again too
  steady::time_point send_again_at{};

  sent(record&& from, way_out& inside) noexcept : what(std::move(from)), way(*inside.hand_on()) {}
  sent(const sent&) = delete;
  sent& operator=(const sent&) = delete;
  ~sent() {
    {
      const record released = std::move(what);
    } // before the gate says that nothing is done any more
    way.leave();
  }
};

letters::letters(const reader_options& wanted) : options_(wanted) {}
letters::~letters() = default;

void letters::begin(const client& by) {
  must_take_letters(by, options_);
  by_ = &by;
  natsInbox* made = nullptr;
  natsSubscription* answers = nullptr;
  natsStatus status = natsInbox_Create(&made);
  const owned<natsInbox> inbox(made);
  if (status == NATS_OK) {
    inbox_ = std::string(inbox.get()) + '.';
    status = natsConnection_SubscribeSync(&answers, by.connection.get(), (inbox_ + '*').c_str());
  }
  answers_.reset(answers);
  if (status == NATS_OK)
    status = natsSubscription_SetPendingLimits(answers, -1, -1);
  if (status != NATS_OK)
    by.fail("answers to dead letters", status, static_cast<jsErrCode>(0));
}

void letters::send(dead_letter<std::string, record>& letter) {
  auto& its = *static_cast<flying_record*>(record_access::of(letter.message));
  gate& way = its.home->gate_of(its);
  if (!way.enter())
    return; // it is the end: the record is read again
  way_out inside(way);
  auto on_its_way = std::make_unique<sent>(std::move(letter.message), inside);
  try {
    const std::lock_guard lock(lock_);
    const auto id = next_id_++;
    natsMsg* made = nullptr;
    if (natsMsg_Create(&made, options_.dead_letter_subject.c_str(),
                       (inbox_ + std::to_string(id)).c_str(), its.value.data(),
                       static_cast<int>(its.value.size())) != NATS_OK)
      throw std::bad_alloc();
    on_its_way->message.reset(made);
    for (const auto& each : its.headers)
      if (!is_for_its_stream(each.name))
        add(made, std::string(each.name), std::string(each.value));
    const auto sequence = std::to_string(its.position);
    add(made, "Nats-Msg-Id",
        options_.stream + '.' + sequence + '.' + std::to_string(its.timestamp_ns));
    add(made, "convoy.stream", options_.stream);
    add(made, "convoy.sequence", sequence);
    add(made, "convoy.subject", std::string(its.subject));
    add(made, "convoy.why", to_string(letter.why));
    add(made, "convoy.attempts", std::to_string(letter.attempts));
    if (const auto reason = reason_of(letter); !reason.empty()) // libnats 3.4 could read no header
      add(made, "convoy.error", reason);
    on_its_way->send_again_at = steady::now() + most_wait_for_answer;
    const auto place = on_their_way_.emplace(id, nullptr).first; // before it is sent: it may throw
    const natsStatus status = natsConnection_PublishMsg(by_->connection.get(), made);
    if (status == NATS_MAX_PAYLOAD) {
      on_their_way_.erase(place);
      constexpr const char* why = "with its headers it is longer than the server takes";
      failed(*on_its_way, why);
      throw dead_letter_refused(why);
    }
    if (status != NATS_OK)
      on_its_way->send_again_at = steady::now() + between_tries;
    place->second = std::move(on_its_way);
    count_.store(on_their_way_.size(), std::memory_order_relaxed);
  } catch (...) {
    letter.message = std::move(on_its_way->what); // it is offered again
    throw;
  }
}

void letters::poll() {
  tell_failed();
  if (count_.load(std::memory_order_relaxed) == 0)
    return;
  for (;;) {
    natsMsg* next = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&next, answers_.get(), 0);
    const owned<natsMsg> answer(next);
    if (status == NATS_NO_RESPONDERS)
      nobody_answers();
    else if (status == NATS_OK)
      answered(*answer);
    else
      break;
  }
  send_again();
  tell_failed();
}

void letters::answered(natsMsg& answer) {
  const std::string_view subject = natsMsg_GetSubject(&answer);
  std::uint64_t id = 0;
  const char* const end = subject.data() + subject.size();
  if (subject.size() <= inbox_.size() ||
      std::from_chars(subject.data() + inbox_.size(), end, id).ptr != end)
    return;
  std::unique_ptr<sent> released; // after the lock
  const std::lock_guard lock(lock_);
  const auto at = on_their_way_.find(id);
  if (at == on_their_way_.end())
    return; // it was sent twice, and this is the second answer
  const std::string why = refusal_in(
      {natsMsg_GetData(&answer), static_cast<std::size_t>(natsMsg_GetDataLength(&answer))});
  if (!why.empty())
    return failed(*at->second, why);
  auto* const its = record_access::of(at->second->what);
  its->finished = its->is_dead = true;
  told_ = false;
  released = std::move(at->second);
  on_their_way_.erase(at);
  count_.store(on_their_way_.size(), std::memory_order_relaxed);
}

/// To one of them; libnats does not say to which.
void letters::nobody_answers() {
  const std::lock_guard lock(lock_);
  for (const auto& [id, its] : on_their_way_)
    failed(*its, "no stream takes it in");
}

/// With the lock.
void letters::failed(sent& letter, const std::string& why) {
  letter.send_again_at = steady::now() + between_tries;
  failed_ = "a dead letter, sequence " + std::to_string(record_access::of(letter.what)->position) +
            ", does not get to \"" + options_.dead_letter_subject + "\": " + why +
            "; it is sent again every second, and not finished until then";
  has_failed_.store(true, std::memory_order_relaxed); // the lock orders it
}

/// Without the lock: whom it is told may wait for a worker, which sends one.
void letters::tell_failed() {
  if (!has_failed_.exchange(false, std::memory_order_relaxed))
    return;
  std::string what;
  {
    const std::lock_guard lock(lock_);
    what.swap(failed_);
  }
  if (!what.empty() && !std::exchange(told_, true))
    options_.report(what);
}

void letters::send_again() {
  std::vector<std::unique_ptr<sent>> released; // after the lock
  const auto now = steady::now();
  const std::lock_guard lock(lock_);
  for (auto at = on_their_way_.begin(); at != on_their_way_.end();) {
    sent& its = *at->second;
    if (now < its.send_again_at) {
      ++at;
    } else if (its.way.is_closed()) { // it is the end: the record is read again
      released.push_back(std::move(at->second));
      at = on_their_way_.erase(at);
    } else {
      its.send_again_at = now + most_wait_for_answer;
      const natsStatus status = natsConnection_PublishMsg(by_->connection.get(), its.message.get());
      if (status != NATS_OK)
        failed(its, text_of(status));
      ++at;
    }
  }
  count_.store(on_their_way_.size(), std::memory_order_relaxed);
}

} // namespace convoy::nats::detail
