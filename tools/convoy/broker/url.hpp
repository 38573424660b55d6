#pragma once

// Where a topic or a stream is: kafka://HOST:PORT/TOPIC or nats://HOST:PORT/STREAM.

#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

enum class broker_kind { kafka, nats };

struct broker_url {
  struct address {
    std::string host; ///< without the brackets of an IPv6 address
    std::string port;
  };

  broker_kind kind = broker_kind::kafka;
  std::vector<address> servers; ///< at least one; any of them answers for all
  std::string user, password;   ///< empty: none is given; of NATS alone, a user alone is a token
  std::string name;             ///< of the topic or the stream
  [[nodiscard]] std::string shown() const; ///< the URL again, without user and password
};

/// "HOST:PORT", and the host in brackets where it has colons of its own.
[[nodiscard]] std::string address_text(const broker_url::address&);

/// Whether the name of an input is one of these URLs, be it well-formed or not.
[[nodiscard]] bool is_broker_url(std::string_view input);

/// Throws input_error for a name as kafak://h/t or kafka:/h/t, of which nothing is a file.
void refuse_unknown_scheme(std::string_view input);

/// Without a port it is that of the protocol. Several servers are separated by commas. Throws
/// input_error, which shows no password.
[[nodiscard]] broker_url parse_broker_url(std::string_view text);

} // namespace convoy::tool
