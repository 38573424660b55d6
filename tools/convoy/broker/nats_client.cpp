#include "broker/nats_client.hpp"

#include "broker/reach.hpp"
#include "broker/refusal.hpp"
#include "text/input_error.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <string>

namespace convoy::tool {
namespace {

using nats_options = nats_owner<natsOptions, &natsOptions_Destroy>;

/// The library's words for what just failed, without where in it that was.
std::string last_words(natsStatus status) {
  natsStatus of_last = NATS_OK;
  const char* const said = nats_GetLastError(&of_last);
  std::string text = said != nullptr && of_last == status ? said : "";
  if (text.starts_with('('))
    if (const std::size_t end = text.find("): "); end != std::string::npos)
      text.erase(0, end + 3);
  return text.empty() ? natsStatus_GetText(status) : text;
}

void check_nats(natsStatus status, const std::string& what) {
  if (status != NATS_OK)
    throw input_error{what + ": " + last_words(status)};
}

/// Of --broker-setting; a part of them goes together.
struct nats_settings {
  std::string user, password, token, credentials, domain, authority, certificate, private_key;
};

nats_settings settings_of(const broker_request& request) {
  nats_settings all;
  all.user = request.url.user;
  all.password = request.url.password;
  const std::pair<std::string_view, std::string*> known[] = {
      {"user", &all.user},
      {"password", &all.password},
      {"token", &all.token},
      {"credentials", &all.credentials},
      {"domain", &all.domain},
      {"tls.ca", &all.authority},
      {"tls.cert", &all.certificate},
      {"tls.key", &all.private_key},
  };
  for (const auto& [name, value] : request.settings) {
    const std::string_view wanted = name;
    const auto* const found =
        std::ranges::find_if(known, [&](const auto& each) { return each.first == wanted; });
    if (found == std::end(known))
      throw input_error{"--broker-setting " + in_quotes(name) +
                        ": for NATS it is one of user, password, token, credentials, domain, "
                        "tls.ca, tls.cert and tls.key"};
    *found->second = value;
  }
  if (all.certificate.empty() != all.private_key.empty())
    throw input_error{"--broker-setting: tls.cert and tls.key, files of PEM, go together"};
  return all;
}

void authenticate(natsOptions* to, const nats_settings& by) {
  if (!by.token.empty())
    check_nats(natsOptions_SetToken(to, by.token.c_str()), "--broker-setting token");
  else if (!by.user.empty() && by.password.empty()) // as every client of NATS reads such a URL
    check_nats(natsOptions_SetToken(to, by.user.c_str()), "the token");
  else if (!by.user.empty())
    check_nats(natsOptions_SetUserInfo(to, by.user.c_str(), by.password.c_str()), "the user");
  if (!by.credentials.empty())
    check_nats(natsOptions_SetUserCredentialsFromFiles(to, by.credentials.c_str(), nullptr),
               "--broker-setting credentials");
  if (!by.authority.empty() || !by.certificate.empty())
    check_nats(natsOptions_SetSecure(to, true), "TLS");
  if (!by.authority.empty())
    check_nats(natsOptions_LoadCATrustedCertificates(to, by.authority.c_str()),
               "--broker-setting tls.ca, " + in_quotes(by.authority));
  if (!by.certificate.empty())
    check_nats(
        natsOptions_LoadCertificatesChain(to, by.certificate.c_str(), by.private_key.c_str()),
        "--broker-setting tls.cert and tls.key");
}

/// Each with what is wrong with it.
std::string unreachable(const broker_request& request) {
  std::string text;
  for (const broker_url::address& each : request.url.servers)
    if (const std::string why = why_unreachable(each, request.patience); !why.empty())
      text.append(text.empty() ? "" : ", ").append(address_text(each)).append(": ").append(why);
  return text;
}

} // namespace

nats_client::nats_client(const broker_request& request) : request_{request} {
  connect();
}

nats_client::~nats_client() = default;

void nats_client::connect() {
  const nats_settings settings = settings_of(request_);
  nats_options options;
  check_nats(natsOptions_Create(options.to_fill()), "libnats");
  std::vector<std::string> texts;
  texts.reserve(request_.url.servers.size());
  for (const broker_url::address& each : request_.url.servers)
    texts.push_back("nats://" + address_text(each));
  std::vector<const char*> servers;
  servers.reserve(texts.size());
  for (const std::string& each : texts)
    servers.push_back(each.c_str());
  check_nats(
      natsOptions_SetServers(options.get(), servers.data(), static_cast<int>(servers.size())),
      "the address");
  natsOptions_SetName(options.get(), "convoy");
  natsOptions_SetTimeout(options.get(), request_.patience.count());
  natsOptions_SetAllowReconnect(options.get(), false); // what a gap left out nobody could tell
  constexpr int read_ahead = 1 << 20;
  natsOptions_SetIOBufSize(options.get(), read_ahead);
  // Without these two the library prints to stderr.
  natsOptions_SetErrorHandler(
      options.get(), [](natsConnection*, natsSubscription*, natsStatus, void*) {}, nullptr);
  natsOptions_SetClosedCB(
      options.get(), [](natsConnection*, void*) {}, nullptr);
  authenticate(options.get(), settings);

  const natsStatus status = natsConnection_Connect(connection_.to_fill(), options.get());
  if (status == NATS_CONNECTION_AUTH_FAILED)
    throw input_error{"the server refuses the user or the password: " + last_words(status)};
  if (status == NATS_NO_SERVER || status == NATS_TIMEOUT || status == NATS_IO_ERROR)
    if (const std::string why = unreachable(request_); !why.empty())
      throw input_error{"no server can be reached; " + why};
  if (status == NATS_TIMEOUT)
    throw input_error{"somebody listens there and does not answer as NATS does in " +
                      patience_text(request_.patience)};
  if (status != NATS_OK)
    throw input_error{"the server does not talk to us: " + last_words(status)};
  jsOptions_Init(&options_);
  options_.Wait = request_.patience.count();
  domain_ = settings.domain;
  if (!domain_.empty())
    options_.Domain = domain_.c_str();
  check_nats(natsConnection_JetStream(context_.to_fill(), connection_.get(), &options_),
             "JetStream");
}

std::string nats_client::words(natsStatus status, jsErrCode code) const {
  if (status == NATS_NO_RESPONDERS || code == JSNotEnabledErr || code == JSNotEnabledForAccountErr)
    return "JetStream is not enabled there, or not for this user";
  if (status == NATS_TIMEOUT)
    return "no answer in " + patience_text(request_.patience);
  const char* said = nullptr;
  const natsStatus of_connection = natsConnection_GetLastError(connection_.get(), &said);
  if (natsConnection_IsClosed(connection_.get()))
    return "the connection was lost" + (of_connection == NATS_OK || said == nullptr || *said == '\0'
                                            ? ""
                                            : ": " + std::string{said});
  if (status == NATS_NOT_PERMITTED || of_connection == NATS_NOT_PERMITTED)
    return "this user has no right to: " + std::string{said != nullptr ? said : ""};
  return last_words(status);
}

std::vector<std::string> nats_client::streams() {
  nats_owner<jsStreamNamesList, &jsStreamNamesList_Destroy> list;
  jsErrCode code{};
  std::vector<std::string> names;
  if (js_StreamNames(list.to_fill(), context(), options(), &code) == NATS_OK)
    for (int i = 0; i < list->Count; ++i)
      names.emplace_back(list->List[i]);
  return names;
}

stream_info nats_client::stream() {
  stream_info info;
  jsErrCode code{};
  const natsStatus status =
      js_GetStreamInfo(info.to_fill(), context(), request_.url.name.c_str(), options(), &code);
  if (status == NATS_NOT_FOUND && (code == JSStreamNotFoundErr || code == 0))
    throw input_error{no_such_name("stream", request_.url.name, streams())};
  if (status == NATS_INVALID_ARG)
    throw input_error{in_quotes(request_.url.name) + " is no name of a stream"};
  if (status != NATS_OK)
    throw input_error{"the server does not tell of the stream: " + words(status, code)};
  return info;
}

} // namespace convoy::tool
