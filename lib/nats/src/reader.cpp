#include "reader.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace convoy::nats::detail {

namespace {

/// The server says at least so often that it is there; it is missed after twice that.
constexpr std::int64_t heartbeat_ns = 2'000'000'000;
/// Of a request to JetStream: meanwhile nothing is read.
constexpr std::int64_t most_wait_ms = 2'000;
constexpr std::chrono::seconds between_tries_to_subscribe{1};
/// Not measured: from when libnats looks whose a message is until it has put it there, which takes a
/// microsecond, unless the thread is preempted.
constexpr std::chrono::seconds longest_read_of_one_message{10};

void check_name(const char* what, const std::string& name, std::string_view besides) {
  using convoy::detail::refuse;
  convoy::detail::must_be_set(broker::names, what, !name.empty());
  for (const char each : name)
    if (!((each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
          (each >= '0' && each <= '9') || besides.find(each) != besides.npos))
      refuse(std::string("convoy::nats: ") + what, "of letters, digits and " + std::string(besides),
             '"' + name + '"');
}

void check(const reader_options& wanted) {
  using convoy::detail::refuse;
  convoy::detail::must_be_set(broker::names, "url", !wanted.url.empty());
  convoy::detail::check_schemes(broker::names, "url", "nats://host:port", wanted.url,
                                {"nats", "tls", "ws", "wss"});
  if (wanted.stream.empty() || wanted.stream.find_first_of(" .*>/\\\t\r\n") != std::string::npos)
    refuse("convoy::nats: stream", "the name of one", '"' + wanted.stream + '"');
  check_name("name", wanted.name, "-_=/.");
  if (wanted.name.front() == '.' || wanted.name.back() == '.')
    refuse("convoy::nats: name", "without a . at its ends", '"' + wanted.name + '"');
  check_name("bucket", wanted.bucket, "-_");
  for (const auto* each : {&wanted.subject, &wanted.dead_letter_subject})
    if (each->find_first_of(" \t\r\n") != std::string::npos)
      refuse("convoy::nats: a subject", "without blanks", '"' + *each + '"');
  if (wanted.dead_letter_subject.find_first_of("*>") != std::string::npos)
    refuse("convoy::nats: dead_letter_subject", "without wildcards",
           '"' + wanted.dead_letter_subject + '"');
  wanted.check(broker::names);
}

reader_options checked(reader_options wanted) {
  check(wanted);
  wanted.report_to_somebody(broker::names);
  return wanted;
}

std::unique_ptr<convoy::detail::delivery> make_flying() {
  return std::make_unique<flying_record>();
}

} // namespace

reader::reader(reader_options wanted)
    : record_reader(broker::names, wanted), options(std::move(wanted)),
      configured(options_of(options)) {
  if (!options.dead_letter_subject.empty())
    letter_box = std::make_unique<letters>(options);
}

// ---- run() ----

source_account reader::run(convoy::detail::record_lanes<record>& to) {
  only_once();
  lanes = &to;
  read_to_the_end();
  if (is_over)
    throw error("convoy::nats: reader \"" + options.name +
                "\" ends without a commit, as its "
                "position in bucket \"" +
                options.bucket + "\" is not its own any more: " + kept->why());
  return books.account();
}

bool reader::begin() {
  server.url = shown(options.url);
  server.connection = connect(configured.get(), server.url, options.connect, stopping);
  if (server.connection == nullptr)
    return false;
  jsOptions asked;
  (void)jsOptions_Init(&asked);
  asked.Wait = most_wait_ms;
  jsCtx* made = nullptr;
  if (const natsStatus status = natsConnection_JetStream(&made, server.connection.get(), &asked);
      status != NATS_OK)
    server.fail("JetStream", status, static_cast<jsErrCode>(0));
  server.js.reset(made);
  stream = look_at_stream(server, options.stream);
  if (letter_box != nullptr)
    letter_box->begin(server);
  kept.emplace(server, options, stream);
  auto before = kept->claim(stopping);
  const auto first = before.lowest;
  pending = stream.last + 1 - std::min(first, stream.last + 1);
  home = &books.open(options.stream, first, std::move(before), &make_flying);
  subscribe();
  return true;
}

/// Nothing new begins; what runs is waited for, and committed unless somebody else has taken over.
void reader::leave() {
  unsubscribe();
  if (home != nullptr)
    hand_in();
  look_at_positions();
}

void reader::hand_in() {
  books.retire(*home);
  (void)books.wait_until_quiet(after(options.at_end.finish), [this] { serve(); });
  if (!is_over)
    commit();
  books.forget(*std::exchange(home, nullptr));
}

// ---- what comes in ----

void reader::subscribe() {
  is_doubtful = false;
  next_delivery = 1;
  unsubscribe();
  jsSubOptions wanted;
  (void)jsSubOptions_Init(&wanted);
  wanted.Stream = options.stream.c_str();
  wanted.Config.DeliverPolicy = js_DeliverByStartSequence;
  wanted.Config.OptStartSeq = std::max<std::uint64_t>(home->marks().end(), 1);
  wanted.Config.AckPolicy = js_AckNone;
  wanted.Config.MaxDeliver = 1;
  wanted.Config.FlowControl = true;
  wanted.Config.Heartbeat = heartbeat_ns;
  wanted.Config.MemoryStorage = true;
  wanted.Config.Replicas = 1;
  const char* const subject = options.subject.empty() ? ">" : options.subject.c_str();
  natsSubscription* made = nullptr;
  auto code = static_cast<jsErrCode>(0);
  natsStatus status = js_SubscribeSync(&made, server.js.get(), subject, nullptr, &wanted, &code);
  messages.reset(made);
  if (status == NATS_OK) // or it would throw messages away
    status = natsSubscription_SetPendingLimits(made, -1, -1);
  if (status != NATS_OK)
    server.fail("messages of stream \"" + options.stream + "\"" +
                    (options.subject.empty() ? "" : ", subject \"" + options.subject + '"'),
                status, code);
}

/// It ends at once, and its memory goes later: before 3.6 the thread of libnats that reads from the
/// server may be about to put a message into it (nats.c#637), and would crash.
void reader::unsubscribe() {
  if (messages == nullptr)
    return;
  (void)natsSubscription_Unsubscribe(messages.get()); // no answer: the server forgets it by itself
  ended.push_back({std::move(messages), clock::now()});
}

bool reader::read_one(milliseconds wait) {
  natsMsg* next = nullptr;
  const natsStatus status = messages == nullptr
                                ? NATS_INVALID_SUBSCRIPTION
                                : natsSubscription_NextMsg(&next, messages.get(), wait.count());
  const owned<natsMsg> message(next);
  if (status == NATS_OK) {
    has_waited(wait);
    take(*message);
    return messages != nullptr; // else it is read again
  }
  is_doubtful = is_doubtful || status != NATS_TIMEOUT;
  if (is_doubtful) // and has nothing more
    begin_again();
  return false;
}

void reader::take(natsMsg& message) {
  const char* const reply = natsMsg_GetReply(&message);
  const auto at = place_from(reply == nullptr ? "" : reply);
  if (!at)
    return; // JetStream has not sent it
  if (at->delivery != next_delivery) {
    unsubscribe(); // one is missing
    return begin_again();
  }
  ++next_delivery;
  if (at->sequence < home->marks().end())
    return;
  pending = at->pending;
  if (home->was_finished(at->sequence))
    return books.count_passed_over();
  try {
    hand_on(message, *at);
  } catch (const no_answer&) { // when it was asked for its headers: it is read again, a while later
    unsubscribe();
    is_doubtful = true;
    try_again_at = clock::now() + between_tries_to_subscribe;
  }
}

void reader::hand_on(natsMsg& message, const place& at) {
  read_record from;
  from.sequence = at.sequence;
  from.timestamp_ns = at.timestamp_ns;
  from.subject = natsMsg_GetSubject(&message);
  from.value = {natsMsg_GetData(&message),
                static_cast<std::size_t>(natsMsg_GetDataLength(&message))};
  from.headers = headers.read(message, server, at.sequence);
  deliver(books, *home, options, from, read_at, *lanes);
}

/// Another consumer, after the last message that was read.
void reader::begin_again() {
  is_doubtful = true;
  if (clock::now() < try_again_at || !server.is_connected()) {
    std::this_thread::sleep_for(milliseconds(1));
    return;
  }
  try_again_at = clock::now() + between_tries_to_subscribe;
  try {
    const auto now = look_at_stream(server, options.stream);
    if (now.created_ns != stream.created_ns)
      throw error("convoy::nats: stream \"" + options.stream + "\" was deleted and made anew");
    if (now.last + 1 < home->marks().end()) // what comes next would have numbers that were read
      throw error("convoy::nats: stream \"" + options.stream + "\" ends at " +
                  std::to_string(now.last) + ", and " + std::to_string(home->marks().end() - 1) +
                  " was read: it has lost messages; delete the key of \"" + options.name +
                  "\" in bucket \"" + options.bucket + "\" to read it from its beginning");
    subscribe();
    no_answer_told = false;
  } catch (const no_answer& why) { // a server that has just begun
    is_doubtful = true;
    if (server.is_connected() && !std::exchange(no_answer_told, true))
      options.report(std::string(why.what()) + "; it is tried again");
  }
}

// ---- the rest ----

void reader::serve() {
  if (letter_box != nullptr)
    letter_box->poll();
}

void reader::look() {
  const auto long_ago = clock::now() - longest_read_of_one_message;
  ended.erase(ended.begin(), std::find_if(ended.begin(), ended.end(),
                                          [&](const auto& each) { return each.since > long_ago; }));
  look_for_blocked(*lanes, "the others");
  look_at_connection();
  look_at_positions();
}

void reader::look_at_connection() {
  switch (natsConnection_Status(server.connection.get())) {
  case NATS_CONN_STATUS_CONNECTED: {
    is_cut_off = false;
    natsStatistics* made = nullptr;
    if (natsStatistics_Create(&made) != NATS_OK)
      return;
    std::uint64_t count = 0;
    if (natsConnection_GetStats(server.connection.get(), made) == NATS_OK)
      (void)natsStatistics_GetCounts(made, nullptr, nullptr, nullptr, nullptr, &count);
    natsStatistics_Destroy(made);
    const auto doubts_now = doubts();
    if (std::exchange(reconnects, count) != count ||
        std::exchange(doubts_before, doubts_now) != doubts_now)
      is_doubtful = true; // the server may have forgotten our consumer
    return;
  }
  case NATS_CONN_STATUS_CLOSED:
    throw error("convoy::nats: " + server.url + " has ended the connection: " + server.complaint());
  default:
    if (!std::exchange(is_cut_off, true))
      options.report("the connection to " + server.url +
                     " is lost; reading goes on when it is back");
  }
}

void reader::look_at_positions() {
  books.publish([this](const convoy::detail::assignment&, source_position& its) {
    its.committed = kept->committed();
    its.lag = its.in_flight + pending;
  });
}

void reader::commit() {
  if (!server.is_connected() && !is_stopping())
    return; // that is told already, and a request would only wait
  const auto so_far = home->so_far();
  switch (kept->commit(so_far)) {
  case position::result::kept:
    commits_fail = false;
    break;
  case position::result::taken_over:
    is_over = true;
    break;
  case position::result::failed:
    if (home->is_retired()) {
      if (so_far.lowest != kept->committed() || !so_far.finished.empty())
        options.report("the last commit of \"" + options.name + "\" to bucket \"" + options.bucket +
                       "\" could not be sent: " + kept->why() + "; what was handled since " +
                       std::to_string(kept->committed()) + " will be handled again");
    } else if (server.is_connected() && !std::exchange(commits_fail, true)) { // else that is told
      options.report("the position of \"" + options.name + "\" in bucket \"" + options.bucket +
                     "\" can't be committed: " + kept->why() + "; it is tried again");
    }
  }
}

std::unique_ptr<convoy::detail::record_reader<record>> broker::make_reader(reader_options wanted) {
  return std::make_unique<reader>(checked(std::move(wanted)));
}

} // namespace convoy::nats::detail
