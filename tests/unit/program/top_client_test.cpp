// What asks a socket, and what it makes of strangers.

#include "gate.hpp"
#include "text/input_error.hpp"
#include "top/client.hpp"

#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace convoy::tool {
namespace {

using namespace std::chrono_literals;

/// Listens, and answers nobody.
struct silence {
  explicit silence(int room) : listens(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    ::unlink(path.c_str());
    EXPECT_EQ(::bind(listens, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(::listen(listens, room), 0);
  }
  silence(const silence&) = delete;
  silence& operator=(const silence&) = delete;
  ~silence() {
    ::close(listens);
    ::unlink(path.c_str());
  }

  const std::string path = testing::TempDir() + "convoy_stranger_" + std::to_string(::getpid());
  const int listens;
};

/// Answers one request as it likes: answer(descriptor).
class stranger : public silence {
public:
  explicit stranger(const std::function<void(int)>& answer) : silence(8) {
    thread_ = std::jthread([this, answer] {
      const int caller = ::accept(listens, nullptr, nullptr);
      char request[4096];
      static_cast<void>(::recv(caller, request, sizeof request, 0));
      answer(caller);
      ::close(caller);
    });
  }

private:
  std::jthread thread_;
};

bool say(int to, std::string_view text) {
  return ::send(to, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

/// What asking there ends with.
std::string trouble(const std::string& path, std::chrono::milliseconds within = patience) {
  try {
    return insight_client(path, within).get("/snapshot.json");
  } catch (const input_error& error) {
    return error.what();
  }
}

TEST(top_client, gets_a_page) {
  const stranger at([](int to) { say(to, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"); });
  EXPECT_EQ(trouble(at.path), "[]");
}

TEST(top_client, waits_no_longer_for_who_says_a_byte_now_and_then) {
  for (const std::string_view first : {"", "HTTP/1.1 200 OK\r\n\r\n"}) { // in the head, in the body
    bool gave_up = false;
    {
      const stranger at([&](int to) {
        say(to, first);
        const auto until = std::chrono::steady_clock::now() + patience;
        while (!gave_up && std::chrono::steady_clock::now() < until) {
          gave_up = !say(to, "x");
          std::this_thread::sleep_for(5ms);
        }
      });
      EXPECT_NE(trouble(at.path, 300ms).find("no answer in time"), std::string::npos);
    }
    EXPECT_TRUE(gave_up);
  }
}

TEST(top_client, tells_a_full_socket_from_a_stranger) {
  const silence at(0); // nobody takes the first one away, and so there is no room for a second
  EXPECT_NE(trouble(at.path, 100ms).find("no answer in time"), std::string::npos);
  EXPECT_NE(trouble(at.path).find("too many others"), std::string::npos);
  const stranger another([](int) {});
  EXPECT_NE(trouble(another.path).find("hangs up"), std::string::npos);
}

TEST(top_client, names_the_place_and_the_status) {
  const stranger at([](int to) { say(to, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"); });
  EXPECT_EQ(trouble(at.path), at.path + " answers with status 302");
}

TEST(top_client, cuts_what_it_is_told) {
  const stranger at(
      [](int to) { say(to, "HTTP/1.1 500 No\r\n\r\nalas " + std::string(100'000, 'x')); });
  const auto told = trouble(at.path);
  EXPECT_TRUE(told.starts_with(at.path + " answers with status 500: alas xxx")) << told;
  EXPECT_LT(told.size(), at.path.size() + 300);
}

TEST(top_client, shows_a_path_in_quotes) {
  EXPECT_EQ(trouble(""), "a path of a socket has 1 to 107 bytes, and \"\" has 0");
}

} // namespace
} // namespace convoy::tool
