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
  s.handler = {.mean = 3ms, .p50 = 1ms, .p99 = 2ms, .p999 = 4ms, .max = 5ms};
  s.wait.own_key = 0.25;
  s.hottest.push_back(
      {.label = "secret \x1b[31m", .share = 0.5, .low = 0.4, .high = 0.6, .depth = 3});
  return s;
}

std::string metrics_of(const convoy::snapshot& s) {
  std::ostringstream out;
  convoy::write_metrics(out, s);
  return out.str();
}

TEST(write_metrics, writes_openmetrics) {
  const auto text = metrics_of(some());
  const std::string who = "{processor=\"a \\\"b\\\" \\\\ \\n \xef\xbf\xbd \xc3\xa4\"";
  EXPECT_NE(text.find("\nconvoy_messages_accepted_total" + who + "} 12345678901\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\nconvoy_keys" + who + ",state=\"parked\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nconvoy_handler_seconds" + who + ",quantile=\"0.99\"} 0.002\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\nconvoy_hottest_key_ratio" + who + ",rank=\"1\"} 0.5\n"), std::string::npos)
      << text;
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
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

TEST(write_metrics, never_names_a_key) {
  EXPECT_EQ(metrics_of(some()).find("secret"), std::string::npos);
}

TEST(write_metrics, writes_at_most_200_series_of_a_processor) {
  auto s = some();
  s.hottest.resize(40);
  s.costliest.resize(40);
  std::istringstream lines(metrics_of(s));
  int series = 0;
  for (std::string line; std::getline(lines, line);)
    series += line.front() != '#';
  EXPECT_LE(series, 200);
}

TEST(to_json, writes_what_a_parser_reads) {
  const auto s = some();
  const auto one = nlohmann::json::parse(convoy::to_json(s));
  EXPECT_EQ(one["name"], "a \"b\" \\ \n \xef\xbf\xbd \xc3\xa4");
  EXPECT_EQ(one["accepted"], 12'345'678'901);
  EXPECT_EQ(one["window_seconds"], 1.5);
  EXPECT_EQ(one["hottest"][0]["label"], "secret \x1b[31m");
  const std::vector<convoy::snapshot> both{s, s};
  EXPECT_EQ(nlohmann::json::parse(convoy::to_json(both)).size(), 2u);
}

} // namespace
