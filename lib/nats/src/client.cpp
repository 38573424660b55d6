#include "client.hpp"

#include <algorithm>
#include <array>
#include <convoy/detail/sched/scheduler.hpp>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace convoy::nats::detail {

namespace {

using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds most_wait_to_connect{2000}, most_wait_to_write{2000},
    between_tries_to_connect{100};
constexpr int pending_until_unlimited = 1
                                        << 20; // libnats has the 1,024-fold of it in bytes, an int
constexpr std::int64_t between_reconnects_ms = 250;

void must(natsStatus status, const char* what) {
  if (status != NATS_OK)
    throw error("convoy::nats: " + std::string(what) + ": " + text_of(status));
}

void set_servers(natsOptions* of, const std::string& url) {
  std::vector<std::string> all;
  for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = url.find(',', begin);
    auto each = url.substr(begin, end == std::string::npos ? end : end - begin);
    each.erase(0, each.find_first_not_of(' '));
    all.push_back(std::move(each));
  }
  std::vector<const char*> pointers;
  pointers.reserve(all.size());
  for (const auto& each : all)
    pointers.push_back(each.c_str());
  must(natsOptions_SetServers(of, pointers.data(), static_cast<int>(pointers.size())),
       ("url \"" + shown(url) + "\"").c_str());
}

/// Each setting once, and none that is not known.
class settings_left {
public:
  explicit settings_left(const std::map<std::string, std::string>& all) : left_(all) {}

  /// Null: not set.
  const char* take(const char* name) {
    auto node = left_.extract(name);
    if (node.empty())
      return nullptr;
    taken_.push_back(std::make_unique<std::string>(std::move(node.mapped())));
    return taken_.back()->c_str();
  }
  void refuse_rest() const {
    if (!left_.empty())
      throw std::invalid_argument("convoy::nats: settings: there is none called \"" +
                                  left_.begin()->first + "\"; see consumer_options::settings");
  }

private:
  std::map<std::string, std::string> left_;
  std::vector<std::unique_ptr<std::string>> taken_;
};

void set_login(natsOptions* of, settings_left& from) {
  const char* const user = from.take("user");
  const char* const password = from.take("password");
  if (user != nullptr || password != nullptr)
    must(natsOptions_SetUserInfo(of, user, password), "user and password");
  if (const char* const token = from.take("token"))
    must(natsOptions_SetToken(of, token), "token");
  if (const char* const file = from.take("credentials"))
    must(natsOptions_SetUserCredentialsFromFiles(of, file, nullptr), "credentials");
}

void set_tls(natsOptions* of, settings_left& from) {
  const char* const on = from.take("tls");
  const char* const ca = from.take("tls.ca");
  const char* const certificate = from.take("tls.certificate");
  const char* const key = from.take("tls.key");
  const char* const host = from.take("tls.hostname");
  if (ca != nullptr || certificate != nullptr || key != nullptr || host != nullptr ||
      (on != nullptr && std::string_view(on) == "true"))
    must(natsOptions_SetSecure(of, true), "tls");
  if (ca != nullptr)
    must(natsOptions_LoadCATrustedCertificates(of, ca), "tls.ca");
  if (certificate != nullptr || key != nullptr)
    must(natsOptions_LoadCertificatesChain(of, certificate, key), "tls.certificate and tls.key");
  if (host != nullptr)
    must(natsOptions_SetExpectedHostname(of, host), "tls.hostname");
}

/// Of all connections of the process: libnats calls back on a thread of its own, maybe after the
/// connection is gone, so nothing of a reader's may be touched there.
std::atomic<std::uint64_t> silent_or_mixed_up{0};

/// Without one libnats prints on stderr. What else matters is seen by the calls that fail.
void on_error(natsConnection*, natsSubscription*, natsStatus status, void*) {
  if (status == NATS_MISSED_HEARTBEAT || status == NATS_MISMATCH || status == NATS_SLOW_CONSUMER)
    silent_or_mixed_up.fetch_add(1, std::memory_order_relaxed); // a count, publishes nothing
}

std::string seconds(std::chrono::nanoseconds span) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(span).count()) + " s";
}

} // namespace

std::string shown(const std::string& url) {
  std::string made;
  for (std::size_t begin = 0; begin < url.size();) {
    const auto end = std::min(url.find(',', begin), url.size());
    const std::string_view each = std::string_view(url).substr(begin, end - begin);
    const auto scheme = each.find("://");
    const auto at = each.rfind('@');
    if (at == std::string_view::npos)
      made += each;
    else if (scheme != std::string_view::npos && scheme < at)
      (made += each.substr(0, scheme + 3)) += each.substr(at + 1);
    else
      made += each.substr(at + 1);
    if (end != url.size())
      made += ',';
    begin = end + 1;
  }
  return made;
}

std::string text_of(natsStatus status) {
  natsStatus of = NATS_OK;
  const char* const reason = nats_GetLastError(&of);
  std::string text = natsStatus_GetText(status);
  if (reason != nullptr && of == status && *reason != 0) {
    std::string_view plain = reason; // "(js.c:535): wrong last sequence: 1"
    if (const auto end = plain.find("): "); plain.starts_with('(') && end != plain.npos)
      plain.remove_prefix(end + 3);
    if (plain != text)
      (text += ", ") += plain;
  }
  return text;
}

owned<natsOptions> options_of(const reader_options& from) {
  natsOptions* made = nullptr;
  must(natsOptions_Create(&made), "options");
  owned<natsOptions> its(made);
  set_servers(its.get(), from.url);
  settings_left left(from.settings);
  set_login(its.get(), left);
  set_tls(its.get(), left);
  left.refuse_rest();
  must(natsOptions_SetName(its.get(), from.name.c_str()), "name");
  must(natsOptions_SetTimeout(its.get(), most_wait_to_connect.count()), "timeout");
  // Without one a server that takes nothing in holds up whoever publishes, and with that all the others, for ever.
  must(natsOptions_SetWriteDeadline(its.get(), most_wait_to_write.count()), "writes");
  must(natsOptions_SetMaxReconnect(its.get(), -1), "reconnects");
  must(natsOptions_SetReconnectWait(its.get(), between_reconnects_ms), "wait");
  must(natsOptions_SetReconnectJitter(its.get(), between_reconnects_ms / 2, between_reconnects_ms),
       "jitter");
  must(natsOptions_SetFailRequestsOnDisconnect(its.get(), true), "requests");
  must(natsOptions_SetMaxPendingMsgs(its.get(), pending_until_unlimited), "pending");
  must(natsOptions_SetErrorHandler(its.get(), on_error, nullptr), "errors");
  return its;
}

std::uint64_t doubts() noexcept {
  return silent_or_mixed_up.load(std::memory_order_relaxed);
}

owned<natsConnection> connect(natsOptions* with, const std::string& url,
                              std::chrono::nanoseconds within, const std::atomic<bool>& stop) {
  const auto deadline = convoy::detail::later(steady::now(), within);
  for (;;) {
    if (stop.load(std::memory_order_relaxed))
      return {};
    natsConnection* made = nullptr;
    const natsStatus status = natsConnection_Connect(&made, with);
    if (status == NATS_OK)
      return owned<natsConnection>(made);
    if (status == NATS_CONNECTION_AUTH_FAILED || status == NATS_NOT_PERMITTED)
      throw error("convoy::nats: " + url + " refuses the login: " + text_of(status) +
                  "; see user, password, token and credentials in settings");
    if (status != NATS_NO_SERVER && status != NATS_TIMEOUT && status != NATS_IO_ERROR &&
        status != NATS_CONNECTION_CLOSED && status != NATS_CONNECTION_DISCONNECTED)
      throw error("convoy::nats: can't connect to " + url + ": " + text_of(status));
    if (steady::now() >= deadline)
      throw error("convoy::nats: no server has answered at " + url + " in " + seconds(within) +
                  ": " + text_of(status));
    std::this_thread::sleep_for(between_tries_to_connect);
  }
}

std::string client::complaint() const {
  const char* text = nullptr;
  if (natsConnection_GetLastError(connection.get(), &text) == NATS_OK || text == nullptr)
    return {};
  return text;
}

void client::fail(const std::string& asked, natsStatus status, jsErrCode code) const {
  if (status == NATS_NO_RESPONDERS || code == JSNotEnabledErr || code == JSNotEnabledForAccountErr)
    throw no_answer("convoy::nats: " + asked + ": there is no JetStream at " + url +
                    " for this account: nats-server has it with -js, or jetstream {} in its "
                    "configuration");
  std::string why = text_of(status);
  if (status == NATS_TIMEOUT)
    if (const auto said = complaint(); !said.empty())
      why += "; it has said: " + said;
  if (status == NATS_TIMEOUT || status == NATS_CONNECTION_DISCONNECTED ||
      status == NATS_CONNECTION_CLOSED || status == NATS_IO_ERROR || code == JSClusterNotAvailErr ||
      code == JSInsufficientResourcesErr)
    throw no_answer("convoy::nats: " + asked + " at " + url + ": " + why);
  throw error("convoy::nats: " + asked + " at " + url + ": " + why);
}

stream_state look_at_stream(const client& of, const std::string& stream) {
  jsStreamInfo* found = nullptr;
  auto code = static_cast<jsErrCode>(0);
  const natsStatus status = js_GetStreamInfo(&found, of.js.get(), stream.c_str(), nullptr, &code);
  const owned<jsStreamInfo> info(found);
  if (code == JSStreamNotFoundErr)
    throw error("convoy::nats: there is no stream \"" + stream + "\" at " + of.url +
                ": create it first");
  if (status != NATS_OK)
    of.fail("stream \"" + stream + "\"", status, code);
  return {info->Created, info->State.LastSeq};
}

namespace {

/// Whether a subject is one of a filter's, which may have the wildcards * and >.
bool fits(std::string_view subject, std::string_view filter) noexcept {
  if (filter.empty())
    return true;
  for (;;) {
    const auto its = subject.substr(0, subject.find('.'));
    const auto wanted = filter.substr(0, filter.find('.'));
    if (wanted == ">")
      return true;
    if (wanted != "*" && wanted != its)
      return false;
    if (its.size() == subject.size() || wanted.size() == filter.size())
      return its.size() == subject.size() && wanted.size() == filter.size();
    subject.remove_prefix(its.size() + 1);
    filter.remove_prefix(wanted.size() + 1);
  }
}

} // namespace

void must_take_letters(const client& of, const reader_options& options) {
  jsOptions asked;
  must(jsOptions_Init(&asked), "options");
  asked.Stream.Info.SubjectsFilter = options.dead_letter_subject.c_str();
  jsStreamNamesList* found = nullptr;
  auto code = static_cast<jsErrCode>(0);
  const natsStatus status = js_StreamNames(&found, of.js.get(), &asked, &code);
  const owned<jsStreamNamesList> names(found);
  const std::string what = "dead letter subject \"" + options.dead_letter_subject + "\"";
  if (status == NATS_NOT_FOUND || (status == NATS_OK && names->Count == 0))
    throw error("convoy::nats: no stream at " + of.url + " takes in the " + what +
                ": create one first");
  if (status != NATS_OK)
    of.fail(what, status, code);
  for (int i = 0; i < names->Count; ++i)
    if (fits(options.dead_letter_subject, options.subject) && names->List[i] == options.stream)
      throw error("convoy::nats: the " + what + " is one of stream \"" + options.stream +
                  "\", which would be read again and fail again: take another");
}

} // namespace convoy::nats::detail
