#include "cli/broker_options.hpp"

#include "broker/read.hpp"
#include "cli/whole_option.hpp"
#include "replay/progress.hpp"
#include "text/format.hpp"
#include "text/parse.hpp"
#include "text/time_text.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace convoy::tool {
namespace {

/// "NAME=VALUE"; an error does not quote the value, which may be a password.
std::pair<std::string, std::string> parse_setting(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw input_error{"--broker-setting wants NAME=VALUE, and one has no name or no ="};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::int64_t parse_from(const std::string& text) {
  if (!has_iso_form(text))
    throw input_error{"--from wants a time as 2020-10-10T13:55:36Z instead of " + in_quotes(text)};
  const std::int64_t at = parse_iso_time(text);
  if (at < 0)
    throw input_error{"--from: " + in_quotes(text) + " is before 1970"};
  return at;
}

/// The first of these options that the user gave; empty where none.
std::string_view first_given(std::initializer_list<std::pair<std::string_view, bool>> options) {
  const auto found = std::ranges::find_if(options, [](const auto& each) { return each.second; });
  return found == options.end() ? "" : found->first;
}

void refuse_without_broker(const input_line& line) {
  const std::string_view option =
      first_given({{"--broker-setting", !line.broker_settings.empty()},
                   {"--broker-timeout", line.broker_timeout.has_value()},
                   {"--last", line.last.has_value()},
                   {"--from", line.from.has_value()},
                   {"--key-token", line.key_token.has_value()},
                   {"--key-header", line.key_header.has_value()}});
  if (!option.empty())
    throw input_error{std::string{option} +
                      ": it is for a kafka:// or nats:// URL, and the input is none"};
}

void refuse_with_broker(const input_line& line) {
  if (line.files.size() > 1)
    throw input_error{"a topic or a stream is read alone; leave the other inputs out"};
  const std::string_view option =
      first_given({{"--format", line.format != "csv"},
                   {"--key", line.key_column.has_value()},
                   {"--time-column", line.time_column.has_value()},
                   {"--service-column", line.service_column.has_value()},
                   {"--bytes-column", line.bytes_column.has_value()},
                   {"--access-column", line.access_column.has_value()},
                   {"--keys-column", line.keys_column.has_value()}});
  if (!option.empty())
    throw input_error{std::string{option} + ": it is for files; a broker's records have their "
                                            "own key, time and size"};
  if (line.last && line.from)
    throw input_error{"--last and --from both say where to begin: leave one of them out"};
  if (line.key_token && line.key_header)
    throw input_error{
        "--key-token and --key-header both say what the key is: leave one of them out"};
}

} // namespace

const char* const broker_words =
    R"(A topic of Kafka or a stream of NATS JetStream is read as it is when the command begins, and only
read: no consumer group, no commit, no acknowledgement, and no consumer is left behind. Records of
transactions that are open or aborted are not seen, nor what stands behind an open one. Key, time and
size are the records' own: for Kafka the key of the record, byte by byte, and the size of its value
(0 for a tombstone); records without a key count as one key for each partition, as orders[3]. For
NATS the key is the subject. All messages are held in memory, some tens of bytes each: --last and
--from bound how many. If the reading can't be finished nothing is replayed. A password in a URL or a
setting is seen in the list of processes; for Kafka sasl.* and ssl.* are librdkafka's settings.)";

void declare_broker(CLI::App& command, input_line& line) {
  const auto broker = "Kafka and NATS";
  add_whole(command, "--last", line.last, 1, UINT64_MAX,
            "Only the last N offsets of each partition, so 6 N of a topic\n"
            "of 6, or sequences of the stream; fewer records where some\n"
            "are gone")
      ->group(broker);
  command.add_option("--from", line.from, "Only records of TIME or later, as 2020-10-10T13:55:36Z")
      ->type_name("TIME")
      ->group(broker);
  add_whole(command, "--key-token", line.key_token, 1, 1024,
            "NATS: the key is the N-th token of the subject; in\n"
            "orders.eu.4711 the third is 4711")
      ->group(broker);
  command.add_option("--key-header", line.key_header, "The key is the value of this header")
      ->type_name("NAME")
      ->group(broker);
  command
      .add_option("--broker-setting", line.broker_settings,
                  "Kafka: a setting of librdkafka, as security.protocol=SASL_SSL.\n"
                  "NATS: user, password, token, credentials (a file), domain,\n"
                  "tls.ca, tls.cert, tls.key. May be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE")
      ->group(broker);
  command
      .add_option("--broker-timeout", line.broker_timeout,
                  "Give up without an answer, or a record, for so long [10s]")
      ->type_name("DURATION")
      ->group(broker);
}

std::chrono::milliseconds parse_broker_timeout(const std::string& text) {
  constexpr std::int64_t ns_per_ms = 1'000'000;
  constexpr std::int64_t least = 100;      // ms
  constexpr std::int64_t most = 3'600'000; // an hour
  const std::int64_t ms = parse_duration(text) / ns_per_ms;
  if (ms < least || ms > most)
    throw input_error{"--broker-timeout is from 100ms to 3600s, and not " + in_quotes(text)};
  return std::chrono::milliseconds{ms};
}

std::vector<std::pair<std::string, std::string>>
parse_settings(const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> all;
  all.reserve(texts.size());
  for (const std::string& text : texts)
    all.push_back(parse_setting(text));
  return all;
}

std::optional<broker_request> parse_broker(const input_line& line) {
  const auto url = std::ranges::find_if(line.files, [](const auto& f) { return is_broker_url(f); });
  if (url == line.files.end()) {
    for (const std::string& file : line.files)
      if (std::error_code none; !std::filesystem::exists(file, none))
        refuse_unknown_scheme(file);
    refuse_without_broker(line);
    return {};
  }
  refuse_with_broker(line);
  broker_request request;
  request.url = parse_broker_url(*url);
  if (const auto commas = std::ranges::count(request.url.name, ',');
      commas > 0 && request.url.kind == broker_kind::kafka)
    throw input_error{"a run reads one topic, and the URL names " + std::to_string(commas + 1) +
                      ": leave the others out (consume reads several)"};
  request.settings = parse_settings(line.broker_settings);
  request.last = line.last;
  if (line.from)
    request.from_ns = parse_from(*line.from);
  if (line.key_token)
    request.key_token = static_cast<std::uint32_t>(*line.key_token);
  request.key_header = line.key_header;
  request.skip_bad = line.skip_bad.value_or(0);
  if (line.broker_timeout)
    request.patience = parse_broker_timeout(*line.broker_timeout);
  return request;
}

trace load_broker(const broker_request& request, bool shows_progress) {
  broker_progress progress{[](std::uint64_t all) {
    constexpr std::uint64_t many = 50'000'000; // some GB
    if (all > many)
      std::cerr << "convoy: this reads up to " << count_text(all)
                << " records into memory; --last or --from bounds them\n";
  }};
  const progress_bar bar{
      "read",
      [&] {
        const std::uint64_t all = progress.all;
        return all == 0 ? 0.0 : static_cast<double>(progress.done) / static_cast<double>(all);
      },
      shows_progress};
  return read_broker(request, progress);
}

} // namespace convoy::tool
