#include "letters.hpp"

#include <array>
#include <exception>
#include <utility>

namespace convoy::kafka::detail {

using convoy::detail::gate;
using convoy::detail::way_out;

namespace {

constexpr std::chrono::seconds between_tries{1};
constexpr std::size_t most_remembered = 1'000; // refusals; not measured: each holds up its key

// ---- what a message is made of; librdkafka's macros for it are no standard C++ ----

rd_kafka_vu_t text_part(rd_kafka_vtype_t type, const std::string& text) noexcept {
  rd_kafka_vu_t part{};
  part.vtype = type;
  part.u.cstr = text.c_str();
  return part;
}
rd_kafka_vu_t bytes_part(rd_kafka_vtype_t type, std::optional<std::string_view> bytes) noexcept {
  rd_kafka_vu_t part{};
  part.vtype = type;
  part.u.mem.ptr = bytes ? const_cast<char*>(bytes->data()) : nullptr; // it is only read
  part.u.mem.size = bytes ? bytes->size() : 0;
  return part;
}
rd_kafka_vu_t headers_part(rd_kafka_headers_t* headers) noexcept {
  rd_kafka_vu_t part{};
  part.vtype = RD_KAFKA_VTYPE_HEADERS;
  part.u.headers = headers;
  return part;
}
rd_kafka_vu_t opaque_part(void* opaque) noexcept {
  rd_kafka_vu_t part{};
  part.vtype = RD_KAFKA_VTYPE_OPAQUE;
  part.u.ptr = opaque;
  return part;
}

rd_kafka_resp_err_t send_parts(rd_kafka_t* client, const std::array<rd_kafka_vu_t, 5>& parts) {
  rd_kafka_error_t* const refusal = rd_kafka_produceva(client, parts.data(), parts.size());
  if (refusal == nullptr)
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  const auto code = rd_kafka_error_code(refusal);
  rd_kafka_error_destroy(refusal);
  return code;
}

/// Sent again it would be refused again, unless somebody changes something there.
bool is_for_good(rd_kafka_resp_err_t code) noexcept {
  return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
         code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
         code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION || code == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

bool is_too_large(rd_kafka_resp_err_t code) noexcept {
  return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
         code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

std::string what_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return thrown.what();
  } catch (...) {
    return "no std::exception";
  }
}

} // namespace

/// Its headers are ready, so that it can be sent again.
struct letters::sent {
  record what;
  gate& way;
  owned<rd_kafka_headers_t> headers;
  bool told = false; // that it was refused for good

  sent(record&& from, way_out& inside, owned<rd_kafka_headers_t> its) noexcept
      : what(std::move(from)), way(*inside.hand_on()), headers(std::move(its)) {}
  sent(const sent&) = delete;
  sent& operator=(const sent&) = delete;
  ~sent() {
    {
      const record released = std::move(what);
    } // before the gate says that nothing is done any more
    way.leave();
  }
};

/// The headers of a letter.
class letters::envelope {
public:
  explicit envelope(std::size_t count) : made_(rd_kafka_headers_new(count)) {}

  void add(std::string_view name, std::optional<std::string_view> value) {
    if (rd_kafka_header_add(made_.get(), name.data(), static_cast<ssize_t>(name.size()),
                            value ? value->data() : nullptr,
                            value ? static_cast<ssize_t>(value->size()) : -1) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
      throw std::bad_alloc();
  }
  [[nodiscard]] owned<rd_kafka_headers_t> take() noexcept { return std::move(made_); }

private:
  owned<rd_kafka_headers_t> made_;
};

letters::letters(const reader_options& wanted) : options_(wanted) {
  configuration conf(wanted, this);
  conf.set("acks", "all");
  conf.set("message.timeout.ms", "30000");
  // The broker says what is too large for its topic: what the other one took may be more than
  // librdkafka's default, which is less than Kafka's.
  if (wanted.settings.count("message.max.bytes") == 0)
    conf.set("message.max.bytes", "1000000000");
  // Its limit is of a batch: letters that would fit would be refused with the others of theirs.
  if (wanted.settings.count("batch.num.messages") == 0)
    conf.set("batch.num.messages", "1");
  rd_kafka_conf_set_dr_msg_cb(conf.get(), &letters::on_report);
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int code, const char* why, void* self) {
    try {
      static_cast<letters*>(self)->said_.add(static_cast<rd_kafka_resp_err_t>(code), why);
    } catch (...) { // there is no memory: it is not told
    }
  });
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  client_ = conf.make(RD_KAFKA_PRODUCER);
}

letters::~letters() {
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  while (on_their_way_.load(std::memory_order_relaxed) != 0)
    (void)rd_kafka_poll(client_.get(), 10);
}

void letters::send(dead_letter<std::string, record>& letter) {
  const auto& its = *static_cast<flying_record*>(record_access::of(letter.message));
  envelope around(its.headers.size() + 6);
  for (const auto& each : its.headers)
    around.add(each.name, each.value);
  around.add("convoy.topic", its.topic);
  around.add("convoy.partition", std::to_string(its.partition));
  around.add("convoy.offset", std::to_string(its.position));
  around.add("convoy.why", to_string(letter.why));
  around.add("convoy.attempts", std::to_string(letter.attempts));
  const std::string reason =
      letter.last_error ? what_of(letter.last_error) : std::string(letter.reason);
  around.add("convoy.error", reason);

  gate& way = its.home->gate_of(its);
  if (!way.enter())
    return; // its partition goes: whoever has it next sees to the record
  way_out inside(way);
  auto on_its_way = std::make_unique<sent>(std::move(letter.message), inside, around.take());
  const auto code = produce(*on_its_way);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    (void)on_its_way.release(); // on_report() has it
    return;
  }
  letter.message = std::move(on_its_way->what);
  if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) { // librdkafka takes none such: it is too large, say
    auto text =
        refusal_of(its, code) +
        (is_too_large(code) ? "; raise message.max.bytes in settings, or set dead_letters" : "");
    const std::lock_guard lock(refused_lock_);
    if (refused_.size() < most_remembered)
      refused_.push_back({std::move(text), is_for_good(code)});
  }
  throw dead_letter_refused(rd_kafka_err2str(code)); // it is offered again
}

rd_kafka_resp_err_t letters::produce(sent& letter) {
  const auto& its = *static_cast<flying_record*>(record_access::of(letter.what));
  owned<rd_kafka_headers_t> copy(rd_kafka_headers_copy(letter.headers.get()));
  on_their_way_.fetch_add(1, std::memory_order_relaxed);
  const auto code =
      send_parts(client_.get(), {text_part(RD_KAFKA_VTYPE_TOPIC, options_.dead_letter_topic),
                                 bytes_part(RD_KAFKA_VTYPE_KEY, its.record_key),
                                 bytes_part(RD_KAFKA_VTYPE_VALUE, its.value),
                                 headers_part(copy.get()), opaque_part(&letter)});
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
    (void)copy.release(); // they are the message's now
  else
    on_their_way_.fetch_sub(1, std::memory_order_relaxed);
  return code;
}

void letters::on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  auto& its = *static_cast<letters*>(self);
  its.on_their_way_.fetch_sub(1, std::memory_order_relaxed);
  try {
    its.arrived(std::unique_ptr<sent>(static_cast<sent*>(message->_private)), message->err);
  } catch (...) { // there is no memory: the record is given up, and read again
  }
}

void letters::arrived(std::unique_ptr<sent> letter, rd_kafka_resp_err_t code) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    auto* const its = record_access::of(letter->what);
    its->finished = its->is_dead = true;
    told_ = false;
    return;
  }
  if (code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
    return; // it is the end
  // Others may arrive meanwhile: each that is refused for good is told of, and once.
  if (!std::exchange(is_for_good(code) ? letter->told : told_, true))
    tell(refusal_of(*static_cast<flying_record*>(record_access::of(letter->what)), code) +
             (is_too_large(code) ? "; raise max.message.bytes of that topic, or set dead_letters"
                                 : "") +
             "; it is sent again every second, and not finished until then",
         is_for_good(code));
  send_again_at_ = std::chrono::steady_clock::now() + between_tries;
  again_.push_back(std::move(letter));
}

std::string letters::refusal_of(const flying_record& its, rd_kafka_resp_err_t code) const {
  return "a dead letter, " + its.home->name() + " offset " + std::to_string(its.position) +
         ", does not get into topic \"" + options_.dead_letter_topic + "\": " + text_of(code);
}

void letters::tell(const std::string& what, bool for_good) {
  (for_good && options_.on_letter_refused ? options_.on_letter_refused : options_.report)(what);
}

void letters::tell_refused() {
  std::vector<refusal> now;
  {
    const std::lock_guard lock(refused_lock_);
    now.swap(refused_);
  }
  if (told_of_.size() > most_remembered)
    told_of_.clear();
  // They are offered again and again: each that is refused for good is told of once.
  for (const auto& each : now)
    if (each.for_good ? told_of_.insert(each.text).second : !std::exchange(told_, true))
      tell(each.text + "; it is offered again, and not finished until then", each.for_good);
}

void letters::poll() {
  (void)rd_kafka_poll(client_.get(), 0);
  tell_refused();
  std::erase_if(again_,
                [](const auto& each) { return each->way.is_closed(); }); // its partition goes
  if (again_.empty() || std::chrono::steady_clock::now() < send_again_at_)
    return;
  auto now = std::exchange(again_, {});
  for (auto& each : now) {
    if (produce(*each) == RD_KAFKA_RESP_ERR_NO_ERROR)
      (void)each.release();
    else
      again_.push_back(std::move(each));
  }
  send_again_at_ = std::chrono::steady_clock::now() + between_tries;
}

} // namespace convoy::kafka::detail
