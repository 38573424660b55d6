#include "position.hpp"

#include <charconv>
#include <random>
#include <thread>
#include <utility>

namespace convoy::nats::detail {

namespace {

constexpr int most_claims = 20; // so many others may begin at the same moment

std::string new_id() {
  std::random_device random;
  std::string made;
  for (int i = 0; i < 16; ++i)
    made += "0123456789abcdef"[random() % 16];
  return made;
}

} // namespace

std::string to_value(const position_entry& from) {
  return from.owner + ' ' + std::to_string(from.created_ns) + ' ' + from.text;
}

std::optional<position_entry> position_from_value(std::string_view value) {
  const auto first = value.find(' ');
  const auto second = first == value.npos ? first : value.find(' ', first + 1);
  if (second == value.npos)
    return std::nullopt;
  position_entry its;
  its.owner = value.substr(0, first);
  its.text = value.substr(second + 1);
  const char* const end = value.data() + second;
  const auto [stopped, error] = std::from_chars(value.data() + first + 1, end, its.created_ns);
  if (error != std::errc() || stopped != end)
    return std::nullopt;
  return its;
}

position::position(const client& by, const reader_options& options, stream_state stream)
    : by_(by), options_(options), stream_(stream), source_(options.stream + ' ' + options.subject),
      id_(new_id()), subject_("$KV." + options.bucket + '.' + options.name),
      bucket_stream_("KV_" + options.bucket) {}

// ---- the bucket ----

void position::open_bucket() {
  kvStore* opened = nullptr;
  natsStatus status = js_KeyValue(&opened, by_.js.get(), options_.bucket.c_str());
  if (status == NATS_NOT_FOUND) {
    kvConfig wanted;
    (void)kvConfig_Init(&wanted);
    wanted.Bucket = options_.bucket.c_str();
    wanted.Description = "How far readers of streams are";
    status = js_CreateKeyValue(&opened, by_.js.get(), &wanted);
  }
  const owned<kvStore> store(opened);
  if (status != NATS_OK)
    by_.fail("bucket \"" + options_.bucket + "\"", status, static_cast<jsErrCode>(0));
}

natsStatus position::read(found& into) {
  natsMsg* message = nullptr;
  const natsStatus status = js_GetLastMsg(&message, by_.js.get(), bucket_stream_.c_str(),
                                          subject_.c_str(), nullptr, nullptr);
  const owned<natsMsg> last(message);
  into = {};
  if (status == NATS_NOT_FOUND)
    return NATS_OK;
  if (status != NATS_OK)
    return status;
  into.revision = natsMsg_GetSequence(last.get());
  const char* operation = nullptr;
  into.deleted = natsMsgHeader_Get(last.get(), "KV-Operation", &operation) == NATS_OK;
  into.value.assign(natsMsg_GetData(last.get()),
                    static_cast<std::size_t>(natsMsg_GetDataLength(last.get())));
  return NATS_OK;
}

natsStatus position::write(const std::string& text) {
  jsPubOptions expected;
  (void)jsPubOptions_Init(&expected);
  expected.ExpectLastSubjectSeq = revision_;
  expected.ExpectNoMessage = revision_ == 0;
  const auto value = to_value({id_, stream_.created_ns, text});
  jsPubAck* answer = nullptr;
  const natsStatus status = js_Publish(&answer, by_.js.get(), subject_.c_str(), value.data(),
                                       static_cast<int>(value.size()), &expected, nullptr);
  const owned<jsPubAck> ack(answer);
  if (status == NATS_OK)
    revision_ = ack->Sequence;
  return status;
}

// ---- the claim ----

progress position::progress_of(const found& what) {
  if (what.revision == 0)
    return {};
  const std::string whose =
      "the position of \"" + options_.name + "\" in bucket \"" + options_.bucket + "\"";
  const std::string begins = ": stream \"" + options_.stream + "\" is read from its beginning";
  if (what.deleted) {
    options_.report(whose + " was deleted" + begins);
    return {};
  }
  const auto entry = position_from_value(what.value);
  auto before = entry ? progress_from_text(entry->text, source_) : std::nullopt;
  if (!before) {
    options_.report(whose + " is damaged, or of another stream or subject" + begins);
    return {};
  }
  // What is finished above it counts too: messages that come in now must not have those numbers.
  const auto end = before->finished.empty() ? before->lowest : before->finished.back().end;
  if (end != 0 && (entry->created_ns != stream_.created_ns || end > stream_.last + 1))
    throw error("convoy::nats: stream \"" + options_.stream + "\", which ends at " +
                std::to_string(stream_.last) + ", is not the one that " + whose + " is about (" +
                std::to_string(end) +
                "): it was made anew, or has lost messages; delete that key to read it from its "
                "beginning");
  return *std::move(before);
}

progress position::claim(const std::atomic<bool>& stop) {
  open_bucket();
  const std::string what =
      "the position \"" + options_.name + "\" in bucket \"" + options_.bucket + "\"";
  for (int i = 0;; ++i) {
    found there;
    if (const natsStatus status = read(there); status != NATS_OK)
      by_.fail(what, status, static_cast<jsErrCode>(0));
    auto before = progress_of(there);
    revision_ = there.revision;
    auto text = to_text(before, source_);
    const natsStatus status = write(text);
    if (status == NATS_OK) {
      text_ = std::move(text);
      committed_ = before.lowest;
      return before;
    }
    if (i == most_claims || stop.load(std::memory_order_relaxed))
      by_.fail(what, status, static_cast<jsErrCode>(0));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// ---- from then on ----

position::result position::commit(const progress& what) {
  auto text = options_.commit.gaps ? to_text(what, source_) : to_text({what.lowest, {}}, source_);
  if (text == text_)
    return look();
  const natsStatus status = write(text);
  if (status == NATS_OK) {
    text_ = std::move(text);
    committed_ = what.lowest;
    return result::kept;
  }
  why_ = text_of(status);
  const auto said = settle(&text);
  if (said == result::kept)
    committed_ = what.lowest;
  return said;
}

position::result position::look() {
  return settle(nullptr);
}

/// Who has written last?
position::result position::settle(const std::string* written) {
  found there;
  if (const natsStatus status = read(there); status != NATS_OK) {
    if (written == nullptr)
      why_ = text_of(status);
    return result::failed;
  }
  if (there.revision == revision_)
    return written == nullptr ? result::kept : result::failed;
  const auto entry = position_from_value(there.value);
  if (there.deleted || there.revision == 0) {
    why_ = "it was deleted";
    return result::taken_over;
  }
  if (!entry || entry->owner != id_) {
    why_ = "another consumer has taken over";
    return result::taken_over;
  }
  revision_ = there.revision; // the answer to an earlier write has got lost
  text_ = entry->text;
  return written == nullptr || text_ == *written ? result::kept : result::failed;
}

} // namespace convoy::nats::detail
