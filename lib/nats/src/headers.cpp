#include "headers.hpp"

#include <algorithm>
#include <utility>

namespace convoy::nats::detail {

namespace {

/// Of a request to JetStream: meanwhile nothing is read.
constexpr std::int64_t most_wait_for_headers_ms = 2'000;

/// Not measured: keys of a kind have a handful.
constexpr std::size_t most_key_beginnings = 1'000;

constexpr std::string_view line_end = "\r\n";

std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Of a line that may be a header; empty: it can't be one.
std::string_view before_colon(std::string_view line) noexcept {
  const auto at = line.find(':');
  return at == line.npos ? std::string_view() : line.substr(0, at);
}

/// 64: it is none of the digits.
constexpr unsigned value_of(char digit) noexcept {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto at = digits.find(digit);
  return at == digits.npos ? 64 : static_cast<unsigned>(at);
}

std::optional<std::string> from_base64(std::string_view text) {
  while (text.ends_with('='))
    text.remove_suffix(1);
  std::string result;
  result.reserve(text.size() * 3 / 4);
  unsigned bits = 0, count = 0; // of what was read and not yet written
  for (const char each : text) {
    const auto its = value_of(each);
    if (its == 64)
      return std::nullopt;
    bits = (bits << 6U | its) & 0xffffU;
    count += 6;
    if (count >= 8) {
      count -= 8;
      result.push_back(static_cast<char>(bits >> count & 0xffU));
    }
  }
  return result;
}

} // namespace

bool parse_headers(std::string_view block, std::vector<nats::header>& into) {
  if (!block.starts_with("NATS/"))
    return false;
  const auto before = into.size();
  auto at = block.find(line_end);
  while (at != block.npos) {
    block.remove_prefix(at + line_end.size());
    at = block.find(line_end);
    if (at == 0) // an empty line
      return true;
    const auto line = block.substr(0, at);
    const auto colon = line.find(':');
    if (at == block.npos || colon == line.npos || colon == 0)
      break;
    into.push_back({line.substr(0, colon), trimmed(line.substr(colon + 1))});
  }
  into.resize(before);
  return false;
}

std::optional<std::string> header_block_in(std::string_view answer) {
  if (answer.find(R"("message":)") == answer.npos)
    return std::nullopt;
  constexpr std::string_view before = R"("hdrs":")"; // in another value its quotes were escaped
  const auto at = answer.find(before);
  if (at == answer.npos)
    return std::string();
  answer.remove_prefix(at + before.size());
  return from_base64(answer.substr(0, answer.find('"')));
}

std::string ask_for_headers(const client& of, const std::string& stream, std::uint64_t sequence) {
  const std::string what =
      "the headers of stream \"" + stream + "\", sequence " + std::to_string(sequence);
  natsMsg* made = nullptr;
  const natsStatus status = natsConnection_RequestString(
      &made, of.connection.get(), ("$JS.API.STREAM.MSG.GET." + stream).c_str(),
      ("{\"seq\":" + std::to_string(sequence) + "}").c_str(), most_wait_for_headers_ms);
  const owned<natsMsg> answer(made);
  if (status != NATS_OK)
    of.fail(what, status, static_cast<jsErrCode>(0));
  const std::string_view text{natsMsg_GetData(answer.get()),
                              static_cast<std::size_t>(natsMsg_GetDataLength(answer.get()))};
  auto block = header_block_in(text);
  if (!block)
    throw error("convoy::nats: " + what + " at " + of.url + ": JetStream has answered " +
                std::string(text.substr(0, 200)));
  return *std::move(block);
}

std::span<const nats::header> message_headers::read(natsMsg& message, const client& by,
                                                    std::uint64_t sequence) {
  all_.clear();
  if (read_by_libnats(message) && !may_have_lost_key())
    return all_;
  all_.clear();
  const bool has_key = !options_.key.header().empty();
  try {
    ask_for(by, sequence);
    learn_key();
    told_ = false;
  } catch (const no_answer& why) {
    tell(std::string(why.what()) +
         (has_key ? "; its key is in them, so nothing behind it is read until it is told"
                  : "; its record has none"));
    if (has_key)
      throw;
  } catch (const error& why) {
    if (has_key)
      throw error(
          std::string(why.what()) +
          "; the record's key is in them (header_key), so it can't be put in order: remove it "
          "from the stream, or take another key");
    tell(std::string(why.what()) + "; its record has none");
  }
  return all_;
}

void message_headers::tell(const std::string& what) {
  if (!std::exchange(told_, true))
    options_.report(what);
}

bool message_headers::read_by_libnats(natsMsg& message) {
  const char** names = nullptr;
  int count = 0;
  natsStatus status = natsMsgHeader_Keys(&message, &names, &count);
  const owned<const char*> held(names);
  for (int i = 0; i < count && status == NATS_OK; ++i) {
    const char** values = nullptr;
    int its_count = 0;
    status = natsMsgHeader_Values(&message, names[i], &values, &its_count);
    const owned<const char*> its_held(values);
    for (int j = 0; j < its_count; ++j)
      all_.push_back({names[i], values[j]});
  }
  return status == NATS_OK || status == NATS_NOT_FOUND; // that one: it has none
}

/// The line that was taken as a value may be the key's, or the value of an empty key.
bool message_headers::may_have_lost_key() const {
  const std::string& key = options_.key.header();
  if (key.empty())
    return false;
  bool is_first = true; // of its name
  return std::any_of(all_.begin(), all_.end(), [&](const nats::header& each) {
    const auto name = before_colon(each.value);
    if (name == key)
      return true;
    return each.name == key && std::exchange(is_first, false) && !name.empty() &&
           key_beginnings_.find(name) == key_beginnings_.end();
  });
}

void message_headers::learn_key() {
  const auto at = std::find_if(all_.begin(), all_.end(), [&](const nats::header& each) {
    return each.name == options_.key.header();
  });
  if (at == all_.end())
    return;
  if (const auto beginning = before_colon(at->value);
      !beginning.empty() && key_beginnings_.size() < most_key_beginnings)
    key_beginnings_.emplace(beginning);
}

void message_headers::ask_for(const client& by, std::uint64_t sequence) {
  block_ = ask_for_headers(by, options_.stream, sequence);
  if (!block_.empty() && !parse_headers(block_, all_))
    throw error("convoy::nats: the headers of stream \"" + options_.stream + "\", sequence " +
                std::to_string(sequence) + " can't be read: \"" + block_.substr(0, 200) + '"');
}

} // namespace convoy::nats::detail
