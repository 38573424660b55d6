#include "gate.hpp"
#include "insight/socket_client.hpp"
#include "insight/with_insight.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/insight/metrics.hpp>
#include <convoy/insight/socket.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

// What the socket of a runtime answers, and whom it outlives. Its file: socket_file_test.cpp.

namespace {

using namespace std::chrono_literals;
using convoy::insight_socket;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using nlohmann::json;

class insight_socket_test : public testing::Test {
protected:
  const std::string path = testing::TempDir() + "convoy_socket_" + std::to_string(::getpid());
  runtime rt{{.concurrency = 2}};
  processor<std::string, int> orders{rt, [](int&) {}, with_insight(20ms)};

  /// In a window of which there is a snapshot.
  void handle(const std::string& key) {
    ASSERT_EQ(orders.submit(key, 1), submit_status::accepted);
    ASSERT_TRUE(eventually([&] { return orders.snapshot().accepted != 0; }));
  }
};

TEST_F(insight_socket_test, lists_what_there_is) {
  const insight_socket door{rt, {.path = path}};
  const auto answer = get(path, "/");
  EXPECT_TRUE(has_status(answer, 200)) << answer;
  EXPECT_NE(body_of(answer).find("/metrics"), std::string::npos);
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("Access-Control"), std::string::npos);
}

TEST_F(insight_socket_test, gives_snapshots_as_json) {
  handle("a");
  const insight_socket door{rt, {.path = path}};
  const auto answer = get(path, "/snapshot.json");
  EXPECT_NE(answer.find("Content-Type: application/json\r\n"), std::string::npos);
  const auto all = json::parse(body_of(answer));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].at("name"), "orders");
  EXPECT_EQ(all[0].at("accepted"), 1);
}

TEST_F(insight_socket_test, gives_metrics_in_the_format_that_is_asked_for) {
  const insight_socket door{rt, {.path = path}};
  const auto old = get(path, "/metrics");
  EXPECT_NE(old.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            std::string::npos)
      << old;
  EXPECT_EQ(old.find("# EOF"), std::string::npos);
  const auto open = get(path, "/metrics",
                        "Accept: application/openmetrics-text;version=1.0.0;q=0.75,"
                        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n");
  EXPECT_NE(open.find(std::string("Content-Type: ") + convoy::openmetrics_type + "\r\n"),
            std::string::npos)
      << open;
  EXPECT_TRUE(open.ends_with("\n# EOF\n"));
}

TEST_F(insight_socket_test, explains_a_key) {
  const insight_socket door{rt, {.path = path}};
  const auto why = json::parse(body_of(get(path, "/explain?processor=orders&key=apple%20pie")));
  EXPECT_EQ(why.at("state"), "idle");
  EXPECT_EQ(why.at("text"), "nothing of it is unfinished");
  EXPECT_TRUE(why.at("worker").is_null());
  EXPECT_EQ(json::parse(body_of(get(path, "/explain?key=apple"))).at("state"), "idle");

  EXPECT_TRUE(has_status(get(path, "/explain?processor=nobody&key=a"), 404));
  EXPECT_TRUE(has_status(get(path, "/explain?processor=orders"), 400));
  processor<int, int> numbers{
      rt, [](int&) {}, {.name = "numbers", .insight = {.top = 1, .label = convoy::plain}}};
  EXPECT_TRUE(has_status(get(path, "/explain?processor=numbers&key=seven"), 404));
  std::this_thread::sleep_for(21ms);                         // until snapshots are taken again
  EXPECT_TRUE(has_status(get(path, "/explain?key=7"), 400)); // of which?
}

TEST_F(insight_socket_test, says_in_a_line_what_is_wrong) {
  const insight_socket door{rt, {.path = path}};
  for (const auto& [request, status] : std::vector<std::pair<std::string, int>>{
           {"GET /nothing HTTP/1.1\r\n\r\n", 404},
           {"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405},
           {"DELETE /metrics HTTP/1.1\r\n\r\n", 405},
           {"GET / HTTP/9\r\n\r\n", 400},
           {"nonsense\r\n\r\n", 400},
           {"GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\n\r\n", 431},
           {"GET / HTTP/1.1\r\n" + std::string(9'000, 'x'), 431}}) {
    const auto answer = ask(path, request);
    EXPECT_TRUE(has_status(answer, status)) << request.substr(0, 80) << '\n' << answer;
    const auto body = body_of(answer);
    ASSERT_FALSE(body.empty());
    EXPECT_EQ(body.find('\n'), body.size() - 1) << body;
    EXPECT_NE(answer.find("Content-Length: " + std::to_string(body.size()) + "\r\n"),
              std::string::npos)
        << answer;
  }
}

// TCP would take the answer away again if the connection was closed with the body unread.
TEST_F(insight_socket_test, answers_after_a_body_that_it_does_not_read) {
  const insight_socket door{rt, {.address = "127.0.0.1:0"}};
  const int port = std::stoi(door.address().substr(10));
  const auto answer =
      ask(port, "POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'));
  EXPECT_TRUE(has_status(answer, 405)) << answer;
}

TEST_F(insight_socket_test, gives_a_page_once_however_many_ranges_are_wanted) {
  const insight_socket door{rt, {.path = path}};
  std::string ranges = "Range: bytes=0-";
  while (ranges.size() < 7'000)
    ranges += ",0-";
  const auto answer = get(path, "/", ranges + "\r\n");
  EXPECT_EQ(body_of(answer), body_of(get(path, "/")));
}

TEST_F(insight_socket_test, survives_garbage) {
  const insight_socket door{rt, {.path = path}};
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    std::string text = i % 2 == 0 ? "GET " : "";
    const auto length = random() % 3'000;
    while (text.size() < length)
      text += i % 4 < 2 ? static_cast<char>(random()) : "\r\n:/ ?=%&\0"[random() % 10];
    client c(path);
    c.send(text + (i % 3 == 0 ? "\r\n\r\n" : "")); // and gone, before or after the answer
  }
  EXPECT_TRUE(has_status(get(path, "/"), 200));
}

TEST_F(insight_socket_test, keeps_a_hostile_key_inside_its_quotes) {
  const std::string key = "\x1b[2J\"}]</script>\xff\r\nx";
  handle(key);
  ASSERT_TRUE(eventually([&] { return !orders.snapshot().hottest.empty(); }));
  const insight_socket door{rt, {.path = path}};
  const auto text = body_of(get(path, "/snapshot.json"));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  const auto all = json::parse(text); // may be of a later window, without the key
  EXPECT_EQ(all.size(), 1u);
  const auto metrics = body_of(get(path, "/metrics"));
  EXPECT_EQ(metrics.find("script"), std::string::npos);
  EXPECT_TRUE(has_status(get(path, "/explain?key=%1b%5b2J%22%7d%0d%0a%ff"), 200));
}

TEST_F(insight_socket_test, answers_many_at_once) {
  handle("a");
  const insight_socket door{rt, {.path = path}};
  std::vector<std::jthread> scrapers;
  std::atomic<int> answered{0};
  for (int i = 0; i < 40; ++i)
    scrapers.emplace_back([&, i] {
      for (int n = 0; n < 5; ++n)
        answered += get(path, i % 2 == 0 ? "/metrics" : "/snapshot.json").find("orders") !=
                    std::string::npos;
    });
  scrapers.clear();
  EXPECT_EQ(answered, 200);
}

TEST_F(insight_socket_test, answers_while_slow_clients_hold_all_places) {
  const insight_socket door{rt, {.path = path}};
  std::vector<client> slow;
  for (int i = 0; i < 40; ++i) {
    slow.emplace_back(path);
    ASSERT_TRUE(slow.back().connected());
    ASSERT_TRUE(slow.back().send("GET / HT"));
  }
  EXPECT_TRUE(has_status(get(path, "/"), 200));
  EXPECT_EQ(slow.front().receive(), ""); // has had to go
  slow[20].send("TP/1.1\r\n\r\n");       // not so all that have come before
  EXPECT_TRUE(has_status(slow[20].receive(), 200));
}

TEST_F(insight_socket_test, answers_others_while_it_waits_for_slow_clients) {
  const insight_socket door{rt, {.path = path}};
  std::vector<client> slow;
  for (int i = 0; i < 20; ++i) {
    slow.emplace_back(path);
    ASSERT_TRUE(slow.back().send("GET / HT"));
  }
  EXPECT_TRUE(has_status(get(path, "/"), 200));
  for (auto& each : slow) {
    each.send("TP/1.1\r\n\r\n");
    EXPECT_TRUE(has_status(each.receive(), 200));
  }
}

TEST_F(insight_socket_test, ends_at_once_whatever_its_clients_do) {
  std::optional<insight_socket> door;
  door.emplace(rt, insight_socket::options{.path = path});
  client says_nothing(path), half(path), does_not_read(path);
  half.send("GET / HTTP/1.1\r\n");
  does_not_read.send("GET /metrics HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(has_status(get(path, "/"), 200));
  const auto begun = std::chrono::steady_clock::now();
  door.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s); // what they are given is 5 s
  EXPECT_EQ(says_nothing.receive(), "");
  EXPECT_EQ(half.receive(), "");
  EXPECT_FALSE(client(path).connected());
}

TEST_F(insight_socket_test, records_a_trace) {
  const insight_socket door{rt, {.path = path}};
  std::jthread handles([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      EXPECT_EQ(orders.submit("traced key", 1), submit_status::accepted);
      std::this_thread::sleep_for(1ms);
    }
  });
  const auto answer = get(path, "/trace?seconds=0.2");
  EXPECT_TRUE(has_status(answer, 200));
  EXPECT_NE(body_of(answer).find("traced key"), std::string::npos);
  for (const auto* wrong : {"0", "-1", "11", "x", "1x", "nan", ""})
    EXPECT_TRUE(has_status(get(path, std::string("/trace?seconds=") + wrong), 400)) << wrong;
}

TEST_F(insight_socket_test, answers_while_it_records) {
  std::optional<insight_socket> door;
  door.emplace(rt, insight_socket::options{.path = path});
  client first(path);
  first.send("GET /trace?seconds=10 HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return has_status(get(path, "/trace?seconds=0.001"), 503); }));
  EXPECT_TRUE(has_status(get(path, "/"), 200));
  const auto begun = std::chrono::steady_clock::now();
  door.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 8s); // of the 10 s
  EXPECT_EQ(first.receive(), "");
}

TEST_F(insight_socket_test, records_again_after_a_client_that_has_gone) {
  const insight_socket door{rt, {.path = path}};
  client(path).send("GET /trace?seconds=0.1 HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return has_status(get(path, "/trace?seconds=0.01"), 200); }));
}

TEST_F(insight_socket_test, stops_to_record_for_a_client_that_has_gone) {
  const insight_socket door{rt, {.path = path}};
  std::optional<client> first(std::in_place, path);
  first->send("GET /trace?seconds=10 HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return has_status(get(path, "/trace?seconds=0.001"), 503); }));
  const auto begun = std::chrono::steady_clock::now();
  first.reset();
  EXPECT_TRUE(eventually([&] { return has_status(get(path, "/trace?seconds=0.001"), 200); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 8s); // of the 10 s
}

TEST_F(insight_socket_test, records_for_a_client_that_has_nothing_more_to_say) {
  const insight_socket door{rt, {.path = path}};
  client c(path);
  c.send("GET /trace?seconds=0.05 HTTP/1.1\r\n\r\n");
  c.finish();
  EXPECT_TRUE(has_status(c.receive(), 200));
}

TEST_F(insight_socket_test, records_while_slow_clients_hold_all_places) {
  const insight_socket door{rt, {.path = path}};
  client first(path);
  first.send("GET /trace?seconds=3 HTTP/1.1\r\n\r\n");
  std::vector<client> slow;
  for (int i = 0; i < 40; ++i) {
    slow.emplace_back(path);
    slow.back().send("GET / HT");
  }
  EXPECT_TRUE(has_status(get(path, "/"), 200)); // somebody has had to go
  EXPECT_TRUE(has_status(first.receive(), 200));
}

TEST_F(insight_socket_test, listens_on_tcp_if_it_is_asked_to) {
  const insight_socket door{rt, {.address = "127.0.0.1:0"}};
  ASSERT_TRUE(door.address().starts_with("127.0.0.1:"));
  const int port = std::stoi(door.address().substr(10));
  ASSERT_NE(port, 0);
  const auto with_host = [&](const std::string& host) {
    return ask(port, "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  };
  EXPECT_TRUE(has_status(with_host("127.0.0.1:" + std::to_string(port)), 200));
  EXPECT_TRUE(has_status(with_host("localhost"), 200));
  EXPECT_TRUE(has_status(with_host("[::1]:80"), 200));
  EXPECT_TRUE(has_status(with_host("evil.example:" + std::to_string(port)), 403));
  EXPECT_TRUE(has_status(with_host("1.2.3.4.evil.example"), 403));
}

TEST_F(insight_socket_test, refuses_an_address_that_is_none) {
  for (const auto* address : {"9100", "localhost:9100", ":9100", "127.0.0.1:", "127.0.0.1:x",
                              "::1:9100", "127.0.0.1:70000", "[::1:9100"})
    EXPECT_THROW(insight_socket(rt, {.address = address}), std::invalid_argument) << address;
  EXPECT_THROW(insight_socket(rt, {}), std::invalid_argument);
  const insight_socket door{rt, {.address = "127.0.0.1:0"}};
  EXPECT_THROW(insight_socket(rt, {.address = door.address()}), std::system_error);
}

} // namespace
