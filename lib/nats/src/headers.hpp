#pragma once

// What headers a message has; also where libnats 3.4 can't tell: of one that is empty it takes the next
// line as its value, and if there is none it gives no headers at all.

#include "client.hpp"

#include <convoy/nats/options.hpp>
#include <convoy/nats/record.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::nats::detail {

/// Adds what is in a block of headers: a line "NATS/1.0", then one for each, all ended by \r\n. They
/// are views of it. False: it is none, and nothing was added. Throws std::bad_alloc.
[[nodiscard]] bool parse_headers(std::string_view block, std::vector<nats::header>& into);

/// The block in JetStream's answer to a request for a message, which is JSON with the block in base64;
/// empty if the message has none. Nothing: the answer is another one. Throws std::bad_alloc.
[[nodiscard]] std::optional<std::string> header_block_in(std::string_view answer);

/// The block of a message that is in a stream. Waits for JetStream's answer. Throws no_answer, and
/// error if the answer is that there is no such message.
[[nodiscard]] std::string ask_for_headers(const client& of, const std::string& stream,
                                          std::uint64_t sequence);

/// Of one message after the other. The reader's.
class message_headers {
public:
  explicit message_headers(const reader_options& options) noexcept : options_(options) {}

  /// Valid until the next call, and as long as the message. Where libnats can't read them, or may have
  /// misread the key, JetStream is asked for them; then it waits. If the key is one of them no record
  /// goes without, as its order would be broken: throws no_answer and error. Else the record has none.
  /// The first of such in a row is told.
  [[nodiscard]] std::span<const nats::header> read(natsMsg& message, const client& by,
                                                   std::uint64_t sequence);

private:
  [[nodiscard]] bool read_by_libnats(natsMsg& message);
  [[nodiscard]] bool may_have_lost_key() const;
  void ask_for(const client& by, std::uint64_t sequence);
  void learn_key();
  void tell(const std::string& what);

  const reader_options& options_;
  std::vector<nats::header> all_;
  std::string block_; // what they are views of, if libnats does not give them
  /// What is before the colon in keys that were seen to have one: with others JetStream is asked.
  std::set<std::string, std::less<>> key_beginnings_;
  bool told_ = false;
};

} // namespace convoy::nats::detail
