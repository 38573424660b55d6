// What a replay prints and writes.

#include "report/output_file.hpp"
#include "report/report.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <system_error>
#include <unistd.h>

namespace convoy::tool {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

run_figures make_run(const std::string& strategy, double seconds) {
  run_figures f;
  f.strategy = strategy;
  f.workers = 4;
  f.messages = 1000;
  f.seconds = seconds;
  f.throughput = 1000 / seconds;
  f.bound_seconds = 1;
  f.efficiency = 1 / seconds;
  f.overshoot_us = 12;
  f.overshoot_share = 0.05;
  f.all = {1, 2, 3, 4};
  f.hot = {10, 20, 30, 40};
  f.cold = {100, 200, 300, 400};
  f.share = {0.1, 0.2, 0.3, 0.4};
  return f;
}

report make_report() {
  report r;
  r.version = "1.2.3";
  r.config.source = "input.csv";
  r.config.service = "trace";
  r.config.service_kind = "sleep";
  r.config.workers = 4;
  r.keys = {"red", "green"};
  r.trace = {1000, 0, 2, {{1, 0.75, 0.5}, {0, 0.25, 0.5}}, 2};
  r.runs = {make_run("lanes", 1.25), make_run("single", 5)};
  return r;
}

TEST(report, fits_a_table_into_120_columns) {
  report r = make_report();
  r.keys[1] = std::string(300, 'x');
  r.config.source = std::string(300, 'y');
  r.config.defaults.assign(12, "--some-option value");
  for (run_figures& f : r.runs)
    f.all = f.hot = f.cold = {123'456, 123'456, 123'456, 123'456};
  std::istringstream table{to_table(r)};
  std::size_t lines = 0;
  for (std::string line; std::getline(table, line); ++lines) {
    const auto points = std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LE(points, 120) << line;
  }
  EXPECT_GT(lines, 20U);
}

TEST(report, marks_a_strategy_that_broke_order_beside_its_speed) {
  report r = make_report();
  EXPECT_THAT(to_table(r), Not(HasSubstr("BROKEN")));
  r.runs[1].order_violations = 1;
  r.runs[1].overlaps = 2'000;
  EXPECT_THAT(to_table(r), HasSubstr("BROKEN: 1 late, 2,000 overlapped\n"));
  r.runs[1].order_violations = r.runs[1].overlaps = 0;
  r.runs[1].lost = 3;
  r.runs[1].repeated = 4;
  EXPECT_THAT(to_table(r), HasSubstr("BROKEN: 3 lost, 4 repeated\n"));
}

TEST(report, splits_what_a_run_lost_into_overshoot_and_the_rest) {
  report r = make_report();
  const auto account = Contains(HasSubstr("longer than configured account for another 5.0 %"));
  EXPECT_THAT(to_table(r), ContainsRegex("lanes .* 80.0 % +12.0 µs +5.0 % +15.0 % +kept\n"));
  EXPECT_THAT(findings(r), account);
  r.runs[0].overshoot_share = 0.004;
  EXPECT_THAT(findings(r), Not(account));
}

TEST(report, says_how_a_strategy_without_order_can_beat_its_bound) {
  report r = make_report();
  r.runs.push_back(make_run("unordered", 0.5));
  EXPECT_THAT(findings(r), Contains(AllOf(HasSubstr("unordered was faster than order allows"),
                                          HasSubstr("200.0 %"))));
  EXPECT_THAT(to_table(r), ContainsRegex("unordered .* 200.0 % +12.0 µs +5.0 % +– +kept\n"));
}

TEST(report, has_a_row_for_each_number_of_workers_in_each_part) {
  report r = make_report();
  EXPECT_THAT(to_json(r), HasSubstr("\"workers\": 4,"));
  r.config.sweep = {2, 4};
  r.runs.insert(r.runs.begin(), make_run("lanes", 2));
  r.runs[0].workers = 2;
  EXPECT_THAT(to_table(r), AllOf(HasSubstr("2, 4 workers on 1 core"),
                                 ContainsRegex("lanes +2 +2.000(.|\n)*lanes +4 +1.250"),
                                 ContainsRegex("lanes +2 +1.00 µs(.|\n)*lanes +4 +1.00 µs"),
                                 ContainsRegex("lanes +2 +10.0 %(.|\n)*lanes +4 +10.0 %")));
  EXPECT_THAT(findings(r), Contains(HasSubstr("single took 4.00 times as long as lanes")));
  EXPECT_THAT(to_json(r), ContainsRegex("\"workers\": \\[\n +2,\n +4\n +\\]"));
}

TEST(report, repeats_warnings_where_they_are_read_in_the_end) {
  report r = make_report();
  EXPECT_THAT(to_json(r), Not(HasSubstr("warnings")));
  r.warnings = {"the \x1b sky falls"};
  EXPECT_THAT(findings(r), Contains("Warning: the ? sky falls."));
  EXPECT_THAT(to_json(r), HasSubstr("\"warnings\": [\n    \"the \\u001b sky falls\""));
}

TEST(report, shows_no_efficiency_where_there_is_no_work) {
  report r = make_report();
  r.runs.resize(1);
  EXPECT_THAT(to_table(r), HasSubstr("80.0 %"));
  r.runs[0].bound_seconds = r.runs[0].efficiency = 0;
  EXPECT_THAT(to_table(r), Not(HasSubstr("80.0 %")));
}

TEST(report, says_how_much_longer_one_queue_takes) {
  EXPECT_THAT(
      findings(make_report()),
      Contains(HasSubstr("single took 4.00 times as long as lanes (5.000 s, 1.250 s): with one")));
}

TEST(report, compares_nothing_by_a_handful_of_messages) {
  report r = make_report();
  const auto compares = Contains(ContainsRegex("times as long|of the best that order"));
  r.trace.messages = 100;
  EXPECT_THAT(findings(r), compares);
  r.trace.messages = 99;
  EXPECT_THAT(findings(r), AllOf(Not(compares), Contains("99 messages are too few to compare "
                                                         "strategies by.")));
  r.runs[0].lost = 1;
  EXPECT_THAT(findings(r), Contains(HasSubstr("BROKE ITS PROMISE")));
}

TEST(report, names_the_slower_one_first_whichever_it_is) {
  report r = make_report();
  r.runs[1].seconds = 0.25;
  EXPECT_THAT(findings(r), Contains("lanes took 5.00 times as long as single (1.250 s, 0.250 s)."));
}

TEST(report, compares_cold_keys_where_the_load_is_open) {
  report r = make_report();
  r.config.closed = false;
  r.runs[1].cold.p99 = 5000;
  EXPECT_THAT(findings(r),
              Contains(AllOf(HasSubstr("5.00 ms in single"), HasSubstr("200 µs in lanes"))));
}

TEST(report, tells_the_share_of_the_own_key_in_words_where_the_load_is_open) {
  report r = make_report();
  const auto share = Contains(HasSubstr("20.0 % of their time until the predecessor of their key"));
  EXPECT_THAT(findings(r), Not(share));
  r.config.closed = false;
  EXPECT_THAT(findings(r), share);
}

TEST(report, says_how_many_messages_the_sort_by_time_moved) {
  report r = make_report();
  EXPECT_THAT(to_table(r), Not(HasSubstr("sorted")));
  r.trace.moved = 1;
  EXPECT_THAT(findings(r), Contains(HasSubstr("1 message stood behind later ones")));
  EXPECT_THAT(to_json(r), HasSubstr("\"moved\": 1"));
}

TEST(report, shows_the_bytes_of_the_hottest_keys_where_there_are_any) {
  report r = make_report();
  EXPECT_THAT(to_table(r) + to_json(r), Not(HasSubstr("byte")));
  r.trace.bytes = 1'000;
  r.trace.hottest[0].bytes_share = 0.123;
  EXPECT_THAT(to_table(r), AllOf(HasSubstr("of 1,000 bytes"), HasSubstr("12.3 %")));
  EXPECT_THAT(to_json(r), AllOf(HasSubstr("\"bytes\": 1000"), HasSubstr("\"bytes_share\": 0.123")));
}

TEST(report, warns_where_spinning_workers_share_cores) {
  report r = make_report();
  r.config.cores = 2;
  EXPECT_THAT(findings(r), Not(Contains(HasSubstr("cores"))));
  r.config.service_kind = "spin";
  EXPECT_THAT(findings(r), Contains(HasSubstr("4 workers spinning on 2 cores: ")));
  r.config.cores = 4;
  EXPECT_THAT(findings(r), Not(Contains(HasSubstr("cores"))));
}

TEST(report, says_in_which_way_an_unordered_run_was_out_of_order) {
  report r = make_report();
  r.runs.push_back(make_run("unordered", 1));
  r.runs.back().order_violations = 7;
  r.runs.back().overlaps = 8;
  EXPECT_THAT(to_table(r), HasSubstr("BROKEN: 7 late, 8 overlapped"));
  EXPECT_THAT(findings(r), Contains(HasSubstr(
                               "in unordered 7 messages began out of order, and 8 while another")));
}

TEST(report, says_when_a_promise_was_broken) {
  report r = make_report();
  r.runs[0].overlaps = 2;
  EXPECT_THAT(findings(r), Contains(HasSubstr("lanes BROKE ITS PROMISE")));
  r.runs[0].keeps_order = false;
  EXPECT_THAT(findings(r), Not(Contains(HasSubstr("BROKE"))));
}

TEST(report, writes_figures_that_do_not_exist_as_null) {
  report r = make_report();
  r.runs[0].cold.p99 = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(to_json(r), HasSubstr("\"p99\": null"));
}

TEST(report, writes_valid_json_for_keys_that_are_no_utf8) {
  report r = make_report();
  r.keys[1] = "\xff\xfe\"\\\n";
  EXPECT_THAT(to_json(r), HasSubstr("\\\"\\\\\\n"));
}

report make_faulty_report() {
  report r = make_report();
  r.runs = {make_run("lanes clean", 1.25), make_run("lanes", 5)};
  r.config.faults =
      fault_options{.fail_share = 0.01, .stuck = {{"red:1", 100'000'000}}, .policy = {}};
  fault_figures f;
  f.messages = 1000;
  f.completed = 963;
  f.poison = 40;
  f.failed = 20;
  f.calls = 1023;
  f.failed_calls = 60;
  f.dead_failed = 17;
  f.dead_failed_rest = 8;
  f.dead_shutdown = 12;
  f.parked_keys = 3;
  f.healthy_keys = 1;
  f.healthy_messages = 250;
  f.clean = {2'000, 500};
  f.faulty = {3'000, 450};
  r.faults = f;
  return r;
}

TEST(report, shows_faults_only_where_they_were_asked_for) {
  EXPECT_THAT(to_table(make_report()) + to_json(make_report()),
              Not(AnyOf(HasSubstr("\"faults\""), HasSubstr("  faults"), HasSubstr("FAULTS"),
                        HasSubstr("ISOLATION"))));
  EXPECT_THAT(to_table(make_faulty_report()),
              AllOf(HasSubstr("--stick red:1:100ms --fail 0.01 --policy attempts=5,backoff=10ms"),
                    ContainsRegex("attempts \\(calls of .*\\) +1,023\n"),
                    ContainsRegex("attempts per failed message +3.00\n"),
                    ContainsRegex("dead letters: failed \\(.*\\) +17\n"),
                    ContainsRegex("dead letters: failed_rest \\(.*\\) +8\n"),
                    ContainsRegex("dead letters: shutdown \\(.*\\) +12\n"),
                    ContainsRegex("keys parked in the end +3\n"),
                    ContainsRegex("lanes / lanes clean +1.50 +0.90\n")));
}

TEST(report, says_in_words_what_the_healthy_keys_noticed_and_that_the_account_holds) {
  report r = make_faulty_report();
  EXPECT_THAT(
      findings(r),
      AllOf(Contains("Account: 1,000 messages = 963 completed + 37 dead letters, each exactly one "
                     "of them."),
            Contains(AllOf(HasSubstr("1.50 times as long as without faults (3.00 ms, 2.00 ms)"),
                           HasSubstr("0.90 times as many"), HasSubstr("This load is closed")))));
  r.config.closed = false;
  EXPECT_THAT(findings(r), Not(Contains(HasSubstr("closed"))));
  r.faults->healthy_keys = 0;
  EXPECT_THAT(findings(r), Contains(HasSubstr("no key was healthy")));
}

TEST(report, says_why_healthy_keys_were_faster_than_without_faults) {
  report r = make_faulty_report();
  r.faults->faulty.p99_us = 1'000;
  EXPECT_THAT(findings(r), Not(Contains(HasSubstr("died untried took"))));
  r.faults->calls = 999;
  EXPECT_THAT(findings(r), Contains(HasSubstr("died untried took no worker's time")));
}

TEST(report, says_when_the_account_does_not_hold) {
  report r = make_faulty_report();
  r.faults->completed = 962;
  r.faults->lost = 1;
  EXPECT_THAT(findings(r),
              Contains(AllOf(HasSubstr("THE ACCOUNT DOES NOT HOLD"), HasSubstr("1 was neither"))));
  EXPECT_THAT(to_json(r), HasSubstr("\"exact\": false"));
}

TEST(report, writes_faults_as_json) {
  EXPECT_THAT(to_json(make_faulty_report()),
              AllOf(HasSubstr("\"fail\": 0.01"), HasSubstr("\"key\": \"red:1\""),
                    HasSubstr("\"us\": 100000.0"), HasSubstr("\"policy\": \"attempts=5,"),
                    HasSubstr("\"exact\": true"), HasSubstr("\"attempts\": 1023"),
                    HasSubstr("\"attempts_per_failed\": 3.0"), HasSubstr("\"failed_rest\": 8"),
                    HasSubstr("\"parked_keys\": 3"), HasSubstr("\"p99_ratio\": 1.5"),
                    HasSubstr("\"throughput_ratio\": 0.9")));
}

TEST(report, fits_faults_into_120_columns) {
  report r = make_faulty_report();
  r.config.faults->stuck[0].key = std::string(300, 'x');
  r.faults->messages = r.faults->completed = UINT64_MAX;
  std::istringstream table{to_table(r)};
  for (std::string line; std::getline(table, line);) {
    const auto points = std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LE(points, 120) << line;
  }
}

class report_file : public testing::Test {
protected:
  report_file() { std::filesystem::create_directory(directory_); }
  ~report_file() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path() const { return directory_ / "figures.json"; }

  [[nodiscard]] std::string contents() const {
    std::ifstream stream{path()};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }

  [[nodiscard]] std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator{directory_}, {});
  }

  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("convoy_report_test." + std::to_string(getpid()));
};

TEST_F(report_file, replaces_what_was_there_and_leaves_nothing_else) {
  write_file(path(), std::string(10'000, 'a'));
  write_file(path(), "b\n");
  EXPECT_EQ(contents(), "b\n");
  EXPECT_EQ(files(), 1);
}

TEST_F(report_file, is_readable_like_any_new_file) {
  write_file(path(), "x");
  using std::filesystem::perms;
  const auto mode = std::filesystem::status(path()).permissions();
  EXPECT_EQ(mode & perms::owner_exec, perms::none);
  std::ofstream{directory_ / "other"} << "x";
  EXPECT_EQ(mode, std::filesystem::status(directory_ / "other").permissions());
}

TEST_F(report_file, writes_through_a_link) {
  std::filesystem::create_symlink("target", path());
  std::ofstream{directory_ / "target"} << "old";
  write_file(path(), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(path()));
  EXPECT_EQ(contents(), "new");
}

TEST_F(report_file, writes_through_a_link_to_where_nothing_is_yet) {
  std::filesystem::create_symlink("target", path());
  write_file(path(), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(path()));
  EXPECT_EQ(contents(), "new");
}

TEST_F(report_file, is_checked_without_a_trace) {
  check_writable(path());
  EXPECT_EQ(files(), 0);
  write_file(path(), "old");
  check_writable(path());
  EXPECT_EQ(contents(), "old");
  check_writable("/dev/null");
  EXPECT_THROW(check_writable(directory_), std::system_error);
  EXPECT_THROW(check_writable(directory_ / "missing" / "file"), std::system_error);
}

TEST_F(report_file, writes_to_a_device_and_does_not_replace_it) {
  write_file("/dev/null", "x");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(report_file, says_which_file_it_cannot_write) {
  try {
    write_file(directory_ / "missing" / "file", "x");
    FAIL() << "wrote into a directory that does not exist";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("missing/file"));
  }
  EXPECT_THROW(write_file("/dev/full", "x"), std::system_error);
}

} // namespace
} // namespace convoy::tool
