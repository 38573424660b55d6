#pragma once

// A real nats-server in a process of its own, and what tests do to it from outside.

#include "running.hpp"

#include <convoy/nats/consumer.hpp>
#include <cstdint>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <nats/nats.h>
#include <optional>
#include <string>
#include <vector>

namespace convoy::nats::test {

using namespace std::chrono_literals;
using convoy::test::eventually;
using convoy::test::hold_until;
using convoy::test::reports;
using convoy::test::seen;
template <class Consumer = consumer>
using running = convoy::test::running<Consumer>;

struct kept_message {
  std::string subject, value;
  std::map<std::string, std::string> headers;
};

/// On loopback, with its data in a directory that is gone in the end. It dies with this process.
class server {
public:
  /// `configuration`: besides its port, where it has its data, and JetStream.
  explicit server(const std::string& configuration = {}, bool jetstream = true,
                  const std::string& login = {});
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server();

  [[nodiscard]] static std::optional<std::string> program(); ///< nothing: it is not installed

  [[nodiscard]] std::string url(const std::string& login = {}) const; ///< login: "user:password"
  void start();
  void kill(); ///< SIGKILL
  void freeze();
  void thaw();

  void create(const std::string& stream, const std::vector<std::string>& subjects,
              std::int64_t most_messages = -1);
  void remove(const std::string& stream);
  void set_most_messages(const std::string& stream, const std::vector<std::string>& subjects,
                         std::int64_t most_messages);
  void publish(const std::string& subject, const std::string& value,
               const std::vector<std::pair<std::string, std::string>>& headers = {});
  /// So many messages to PREFIX.k0, PREFIX.k1, … in turns, with values 0, 1, …
  void publish_numbers(const std::string& prefix, int count, int keys);
  [[nodiscard]] std::vector<kept_message> read(const std::string& stream);
  /// The last one that is stored under it, whoever may write it.
  [[nodiscard]] std::string value(const std::string& bucket, const std::string& key);
  void put(const std::string& bucket, const std::string& key, const std::string& value);
  void remove(const std::string& bucket, const std::string& key);
  /// What JetStream answers.
  [[nodiscard]] std::string ask(const std::string& subject, const std::string& request = {});
  [[nodiscard]] std::string log() const;

private:
  [[nodiscard]] natsConnection* connection();
  [[nodiscard]] jsCtx* js();

  const std::string login_;
  std::filesystem::path directory_;
  int port_ = 0;
  int process_ = -1;
  natsConnection* connection_ = nullptr;
  jsCtx* js_ = nullptr;
};

/// Tests that are skipped without a server.
class on_a_server : public testing::Test {
protected:
  void SetUp() override {
    if (!server::program())
      GTEST_SKIP() << "there is no nats-server: tools/setup installs it";
  }
};

consumer::options options_for(const server& where, const std::string& stream = "orders");

/// What run() throws.
std::string why(consumer::options options);

} // namespace convoy::nats::test
