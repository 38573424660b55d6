#include <chrono>
#include <convoy/insight/json.hpp>
#include <convoy/insight/metrics.hpp>
#include <gtest/gtest.h>
#include <locale>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

// Snapshots for others. That their own parsers take it is tests/cli's to show.

namespace {

using namespace std::chrono_literals;

convoy::snapshot some() {
  convoy::snapshot s;
  s.name = "a \"b\" \\ \n \xff \xc3\xa4";
  s.workers = 4;
  s.accepted = 12'345'678'901;
  s.finished = 7;
  s.window = 1500ms;
  s.lanes.parked = 2;
  s.lanes.limited = 3;
  s.oldest = 1250ms;
  s.handler = {.mean = 3ms, .p50 = 1ms, .p99 = 2ms, .p999 = 4ms, .max = 5ms};
  s.wait.own_key = 0.25;
  s.hottest.push_back(
      {.label = "secret \x1b[31m", .share = 0.5, .low = 0.4, .high = 0.6, .depth = 3});
  return s;
}

std::string metrics_of(const convoy::snapshot& s,
                       convoy::metrics_format format = convoy::metrics_format::openmetrics) {
  std::ostringstream out;
  convoy::write_metrics(out, s, format);
  return out.str();
}

TEST(write_metrics, writes_openmetrics) {
  const auto text = metrics_of(some());
  const std::string who = "{processor=\"a \\\"b\\\" \\\\ \xef\xbf\xbd \xef\xbf\xbd \xc3\xa4\"";
  EXPECT_NE(text.find("\nconvoy_messages_accepted_total" + who + "} 12345678901\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\nconvoy_keys" + who + ",state=\"parked\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nconvoy_keys_limited" + who + "} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nconvoy_oldest_message_seconds" + who + "} 1.25\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("\nconvoy_handler_seconds" + who + ",quantile=\"0.99\"} 0.002\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\nconvoy_hottest_key_ratio" + who + ",rank=\"1\"} 0.5\n"), std::string::npos)
      << text;
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
}

TEST(write_metrics, says_that_what_it_estimates_is_no_count) {
  const auto text = metrics_of(some());
  for (const std::string name : {"handler", "latency"}) {
    const auto help = text.find("\n# HELP convoy_" + name + "_seconds ");
    ASSERT_NE(help, std::string::npos);
    EXPECT_NE(text.substr(help, text.find('\n', help + 1) - help).find("estimated"),
              std::string::npos);
  }
}

TEST(write_metrics, has_no_quantiles_of_an_empty_window) {
  auto s = some();
  s.latency = {};
  s.latency_total = {.sum = 3s, .count = 2};
  const auto text = metrics_of(s);
  const std::string who = "{processor=\"a \\\"b\\\" \\\\ \xef\xbf\xbd \xef\xbf\xbd \xc3\xa4\"";
  for (const std::string quantile : {"0.5", "0.99", "0.999", "1.0"})
    EXPECT_NE(text.find("\nconvoy_latency_seconds" + who + ",quantile=\"" + quantile + "\"} NaN\n"),
              std::string::npos)
        << text;
  EXPECT_NE(text.find("\nconvoy_latency_seconds_count" + who + "} 2\n"), std::string::npos) << text;
}

TEST(write_metrics, tells_processors_of_one_name_apart) {
  convoy::snapshot s;
  s.name = "orders";
  std::ostringstream out;
  convoy::write_metrics(out, std::vector<convoy::snapshot>{s, s});
  EXPECT_NE(out.str().find("{processor=\"orders\"} "), std::string::npos);
  EXPECT_NE(out.str().find("{processor=\"orders#2\"} "), std::string::npos);
}

TEST(write_metrics, does_not_depend_on_the_locale) {
  struct comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  std::ostringstream out;
  out.imbue(std::locale(std::locale(), new comma));
  convoy::write_metrics(out, some());
  EXPECT_EQ(out.str(), metrics_of(some()));
}

TEST(write_metrics, writes_the_text_format_of_prometheus) {
  std::ostringstream out;
  convoy::write_metrics(out, some(), convoy::metrics_format::prometheus);
  const auto text = out.str();
  EXPECT_NE(text.find("# TYPE convoy_messages_accepted_total counter\n"), std::string::npos);
  EXPECT_EQ(text.find("# EOF"), std::string::npos);
  EXPECT_EQ(text.find("# UNIT"), std::string::npos);
}

TEST(write_metrics, names_the_hottest_keys_in_exemplars_if_labels_may_be_told) {
  auto s = some();
  s.utilisation = 0.5;
  s.hottest_total = {10s, 3s}; // there is no second key now
  EXPECT_EQ(metrics_of(s).find("secret"), std::string::npos);
  s.labels_are_hashes = false;
  EXPECT_EQ(metrics_of(s, convoy::metrics_format::prometheus).find("secret"), std::string::npos);
  const auto text = metrics_of(s);
  const auto at = text.find("secret");
  EXPECT_EQ(text.find("secret", at + 1), std::string::npos); // in no label
  const auto line =
      text.substr(text.rfind('\n', at) + 1, text.find('\n', at) - text.rfind('\n', at));
  EXPECT_TRUE(line.starts_with("convoy_hottest_key_seconds_total{")) << line;
  EXPECT_NE(line.find(",rank=\"1\"} 10 # {key=\"secret \xef\xbf\xbd[31m\"} 1.5\n"),
            std::string::npos)
      << line;
  EXPECT_NE(text.find(",rank=\"2\"} 3\n"), std::string::npos) << text;
}

TEST(write_metrics, turns_no_text_around) {
  auto s = some();
  s.labels_are_hashes = false;
  s.hottest_total = {1s};
  s.hottest[0].label = "\u202egnp.exe \u2066 \u061c";
  const auto text = metrics_of(s);
  EXPECT_EQ(text.find("\u202e"), std::string::npos);
  EXPECT_NE(text.find("{key=\"\ufffdgnp.exe \ufffd \ufffd\"}"), std::string::npos) << text;
}

TEST(write_metrics, keeps_exemplars_to_128_characters) {
  auto s = some();
  s.labels_are_hashes = false;
  s.hottest_total = {1s};
  s.hottest[0].label.clear();
  for (int i = 0; i < 300; ++i)
    s.hottest[0].label += "\xe2\x82\xac"; // three bytes each
  const auto text = metrics_of(s);
  const auto begin = text.find("{key=\"") + 6, end = text.find("\"}", begin);
  EXPECT_EQ(end - begin, 125u * 3);
}

std::vector<convoy::source_position> partitions(std::size_t many) {
  std::vector<convoy::source_position> all;
  for (std::size_t i = 0; i < many; ++i)
    all.push_back({.name = "orders[" + std::to_string(i) + "]",
                   .committed = 17,
                   .watermark = 20,
                   .gaps = 2,
                   .in_flight = 5,
                   .lag = i,
                   .oldest = std::chrono::milliseconds(1500 - i)});
  return all;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size()))
    ++found;
  return found;
}

TEST(write_metrics, tells_where_sources_stand) {
  convoy::snapshot s;
  s.name = "shop";
  EXPECT_EQ(metrics_of(s).find("convoy_source"), std::string::npos);
  s.positions = partitions(4);
  const auto text = metrics_of(s);
  for (const auto* line :
       {"\nconvoy_source_committed{processor=\"shop\",source=\"orders[3]\"} 17\n",
        "\nconvoy_source_watermark{processor=\"shop\",source=\"orders[3]\"} 20\n",
        "\nconvoy_source_lag{processor=\"shop\",source=\"orders[3]\"} 3\n",
        "\nconvoy_source_gaps{processor=\"shop\",source=\"orders[3]\"} 2\n",
        "\nconvoy_source_in_flight{processor=\"shop\",source=\"orders[3]\"} 5\n",
        "\nconvoy_source_oldest_seconds{processor=\"shop\",source=\"orders[3]\"} 1.497\n",
        "\nconvoy_sources{processor=\"shop\"} 4\n", "\nconvoy_sources_lag{processor=\"shop\"} 6\n",
        "\nconvoy_sources_gaps{processor=\"shop\"} 8\n",
        "\nconvoy_sources_in_flight{processor=\"shop\"} 20\n",
        "\nconvoy_sources_oldest_seconds{processor=\"shop\"} 1.5\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(write_metrics, tells_of_the_sources_with_the_most_lag) {
  convoy::snapshot s;
  s.positions = partitions(300);
  const auto text = metrics_of(s);
  EXPECT_EQ(count(text, "\nconvoy_source_lag{"), 19u);
  EXPECT_NE(text.find("source=\"orders[281]\""), std::string::npos) << text;
  EXPECT_EQ(text.find("source=\"orders[280]\""), std::string::npos) << text;
  EXPECT_NE(text.find("\nconvoy_sources{processor=\"\"} 300\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nconvoy_sources_lag{processor=\"\"} 44850\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nconvoy_sources_oldest_seconds{processor=\"\"} 1.5\n"), std::string::npos);
}

TEST(write_metrics, keeps_sources_apart_and_to_one_line) {
  convoy::snapshot s;
  s.positions = partitions(3);
  const std::string longest = std::string(249, 't') + "[12345]"; // a topic's name
  s.positions[0].name = s.positions[1].name = "a\"b\n\\";
  s.positions[2].name = longest;
  const auto text = metrics_of(s);
  EXPECT_NE(text.find("_lag{processor=\"\",source=\"a\\\"b\xef\xbf\xbd\\\\\"} 0\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("_lag{processor=\"\",source=\"a\\\"b\xef\xbf\xbd\\\\#2\"} 1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("source=\"" + longest + "\"} 2\n"), std::string::npos) << text;
}

TEST(write_metrics, writes_at_most_200_series_of_a_processor) {
  auto s = some();
  for (auto* list : {&s.hottest, &s.most, &s.costliest})
    list->resize(128); // as many as there may be
  s.hottest_total.resize(128);
  s.positions = partitions(1000);
  std::istringstream lines(metrics_of(s));
  int series = 0;
  for (std::string line; std::getline(lines, line);)
    series += line.front() != '#';
  EXPECT_LE(series, 200);
}

TEST(to_json, holds_nothing_that_a_terminal_obeys) {
  auto s = some();
  const std::string label = "\u202egnp.exe \u2069 \u009b2J \u061c \x7f \u00e4 \u2025";
  s.hottest[0].label = label;
  const auto text = convoy::to_json(s);
  for (const auto* obeyed : {"\u202e", "\u2069", "\u009b", "\u061c", "\x7f"})
    EXPECT_EQ(text.find(obeyed), std::string::npos) << text;
  EXPECT_NE(text.find("\\u202egnp.exe"), std::string::npos) << text;
  EXPECT_NE(text.find("\u00e4 \u2025"), std::string::npos) << text;
  EXPECT_EQ(nlohmann::json::parse(text)["hottest"][0]["label"], label);
}

TEST(to_json, writes_what_a_parser_reads) {
  auto s = some();
  s.hottest_total = {10s, 3s};
  s.positions = partitions(2);
  s.positions[0].committed = (1ull << 63) + 1;
  const auto one = nlohmann::json::parse(convoy::to_json(s));
  EXPECT_EQ(one["name"], "a \"b\" \\ \n \xef\xbf\xbd \xc3\xa4");
  EXPECT_EQ(one["accepted"], 12'345'678'901);
  EXPECT_EQ(one["window_seconds"], 1.5);
  EXPECT_EQ(one["oldest_seconds"], 1.25);
  EXPECT_EQ(one["keys"]["limited"], 3);
  EXPECT_EQ(one["hottest"][0]["label"], "secret \x1b[31m");
  EXPECT_EQ(one["hottest_total"], (std::vector<double>{10, 3}));
  ASSERT_EQ(one["positions"].size(), 2u);
  EXPECT_EQ(one["positions"][0]["committed"], (1ull << 63) + 1);
  EXPECT_EQ(one["positions"][1], nlohmann::json::parse(R"({"name": "orders[1]", "committed": 17,
      "watermark": 20, "gaps": 2, "in_flight": 5, "lag": 1, "oldest_seconds": 1.499})"));
  const std::vector<convoy::snapshot> both{s, s};
  EXPECT_EQ(nlohmann::json::parse(convoy::to_json(both)).size(), 2u);
}

} // namespace
