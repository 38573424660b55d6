#include "broker/url.hpp"

#include "text/input_error.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <utility>

namespace convoy::tool {
namespace {

struct scheme {
  std::string_view text;
  broker_kind kind;
  std::string_view port, form;
};

constexpr std::array schemes{
    scheme{"kafka://", broker_kind::kafka, "9092", "kafka://HOST:PORT/TOPIC"},
    scheme{"nats://", broker_kind::nats, "4222", "nats://HOST:PORT/STREAM"},
};

const scheme* scheme_of(std::string_view input) {
  const auto found = std::ranges::find_if(
      schemes, [&](const scheme& each) { return input.starts_with(each.text); });
  return found == schemes.end() ? nullptr : &*found;
}

/// The URL is not quoted: it may hold a password.
[[noreturn]] void refuse_url(const scheme& of, const std::string& why) {
  throw input_error{"a URL of the form " + std::string{of.form} + " is wanted, and " + why};
}

/// The byte that %41 stands for, at the front of the text; -1 where no two hex digits follow.
int escaped_byte(std::string_view text) {
  int value = 0;
  for (std::size_t i = 1; i < 3; ++i) {
    const char c = i < text.size() ? text[i] : '\0';
    const int digit = is_digit(c)            ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

/// What %41 and the like stand for; passwords hold such characters.
std::string unescape(const scheme& of, std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    const int byte = escaped_byte(text.substr(i));
    if (byte <= 0)
      refuse_url(of, "user and password have a % that no two hex digits follow; % itself is %25");
    plain += static_cast<char>(byte);
    i += 2;
  }
  return plain;
}

broker_url::address parse_address(const scheme& of, std::string_view text) {
  std::string_view host = text;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos)
      refuse_url(of, "its host begins with [ and has no ]");
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (host.empty())
    refuse_url(of, "it has no host");
  if (rest.empty())
    return {std::string{host}, std::string{of.port}};
  try {
    if (rest.front() != ':')
      throw input_error{"what"};
    return {std::string{host}, std::to_string(parse_whole("the port", rest.substr(1), 1, 65535))};
  } catch (const input_error&) {
    refuse_url(of, "after the host comes " + in_quotes(rest) +
                       " instead of : and a port from 1 to 65535");
  }
}

} // namespace

std::string address_text(const broker_url::address& of) {
  const bool has_colons = of.host.find(':') != std::string::npos;
  return (has_colons ? "[" + of.host + "]" : of.host) + ":" + of.port;
}

std::string broker_url::shown() const {
  std::string text{kind == broker_kind::kafka ? schemes[0].text : schemes[1].text};
  for (const address& server : servers)
    text.append(&server == servers.data() ? "" : ",").append(address_text(server));
  return text + "/" + name;
}

bool is_broker_url(std::string_view input) {
  return scheme_of(input) != nullptr;
}

void refuse_unknown_scheme(std::string_view input) {
  const std::size_t colon = input.find(":/");
  const std::string_view name = input.substr(0, colon);
  if (colon == std::string_view::npos || name.empty() ||
      !std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0; }))
    return;
  const std::string_view slashes = input.substr(colon).starts_with("://") ? "://" : ":/";
  std::string text = "there is no scheme " + in_quotes(std::string{name}.append(slashes));
  text += "; a URL of a broker is ";
  for (const scheme& each : schemes)
    text.append(&each == schemes.data() ? "" : " or ").append(each.form);
  throw input_error{text};
}

broker_url parse_broker_url(std::string_view text) {
  const scheme* const of = scheme_of(text);
  if (of == nullptr)
    throw input_error{"the URL of a broker begins with kafka:// or nats://"};
  std::string_view rest = text.substr(of->text.size());
  broker_url url{.kind = of->kind, .servers = {}, .user = {}, .password = {}, .name = {}};
  // The last @, as a password may hold one; no name of a topic or a stream does.
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view who = rest.substr(0, at);
    rest = rest.substr(at + 1);
    if (of->kind == broker_kind::kafka)
      refuse_url(*of, "it names a user: give --broker-setting sasl.username=USER and sasl.password "
                      "instead");
    const std::size_t colon = std::min(who.find(':'), who.size());
    url.user = unescape(*of, who.substr(0, colon));
    url.password = unescape(*of, who.substr(std::min(colon + 1, who.size())));
    if (url.user.empty())
      refuse_url(*of, "it has an @ and no user before it");
  }
  const std::size_t slash = rest.find('/');
  for (const std::string_view server : split(rest.substr(0, slash), ','))
    url.servers.push_back(parse_address(*of, server));
  const bool is_topic = of->kind == broker_kind::kafka;
  url.name = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  if (url.name.empty())
    refuse_url(*of, is_topic ? "it names no topic" : "it names no stream");
  // What both allow in a name besides letters and digits differs; each has its own say in the rest.
  if (url.name.find_first_of("/?#% \t") != std::string::npos)
    refuse_url(*of, in_quotes(url.name) +
                        (is_topic ? " is no name of a topic" : " is no name of a stream"));
  return url;
}

} // namespace convoy::tool
