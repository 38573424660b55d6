#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <curl/curl.h>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// Requests over HTTP from handlers, by libcurl's multi interface: one thread has all connections, and no
// worker waits for any of them. The requests of a key follow each other; those of 50 keys are on their way at once.

namespace {

/// One thread that runs all transfers.
class http_client {
public:
  http_client() : multi_(curl_multi_init()), thread_([this] { run(); }) {}
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;
  ~http_client() {
    over_ = true;
    curl_multi_wakeup(multi_);
    thread_.join();
    curl_multi_cleanup(multi_);
  }

  /// Any thread. What is asked for when it ends, or afterwards, has no answer.
  void get(const std::string& url, convoy::completion<std::string> done) {
    auto made = std::make_unique<transfer>();
    made->done = std::move(done);
    curl_easy_setopt(made->easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(made->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(made->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(made->easy, CURLOPT_PRIVATE, made.get());
    curl_easy_setopt(made->easy, CURLOPT_WRITEDATA, &made->body);
    curl_easy_setopt(made->easy, CURLOPT_WRITEFUNCTION, &append);
    {
      const std::lock_guard lock(mutex_);
      begun_.push_back(std::move(made));
    }
    curl_multi_wakeup(multi_);
  }

private:
  struct transfer {
    CURL* easy = curl_easy_init();
    std::string body = {};
    convoy::completion<std::string> done = {};

    transfer() = default;
    transfer(const transfer&) = delete;
    transfer& operator=(const transfer&) = delete;
    ~transfer() { curl_easy_cleanup(easy); }
  };

  static std::size_t append(const char* data, std::size_t size, std::size_t count, void* to) {
    static_cast<std::string*>(to)->append(data, size * count);
    return size * count;
  }

  void run() {
    std::vector<std::unique_ptr<transfer>> running;
    while (!over_) {
      {
        const std::lock_guard lock(mutex_);
        for (auto& each : begun_) {
          curl_multi_add_handle(multi_, each->easy);
          running.push_back(std::move(each));
        }
        begun_.clear();
      }
      int now = 0, left = 0;
      curl_multi_perform(multi_, &now);
      while (const CURLMsg* const told = curl_multi_info_read(multi_, &left))
        if (told->msg == CURLMSG_DONE)
          end(running, told->easy_handle, told->data.result);
      curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    for (auto& each : running)
      curl_multi_remove_handle(multi_, each->easy);
  }

  void end(std::vector<std::unique_ptr<transfer>>& running, CURL* easy, CURLcode result) {
    curl_multi_remove_handle(multi_, easy);
    const auto at = std::find_if(running.begin(), running.end(),
                                 [&](const auto& each) { return each->easy == easy; });
    if (result == CURLE_OK)
      (*at)->done(std::move((*at)->body));
    else
      (*at)->done.fail(std::make_exception_ptr(std::runtime_error(curl_easy_strerror(result))));
    running.erase(at);
  }

  CURLM* const multi_;
  std::mutex mutex_; // guards what follows
  std::vector<std::unique_ptr<transfer>> begun_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

/// Answers each request with its path.
class echo_server {
public:
  echo_server() : listens_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (bind(listens_, reinterpret_cast<const sockaddr*>(&at), size) != 0 ||
        listen(listens_, 128) != 0 ||
        getsockname(listens_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
      throw std::runtime_error("no server");
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  echo_server(const echo_server&) = delete;
  echo_server& operator=(const echo_server&) = delete;
  ~echo_server() {
    shutdown(listens_, SHUT_RDWR);
    thread_.join();
    close(listens_);
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/" + path;
  }

private:
  void run() const {
    for (int peer = 0; (peer = accept(listens_, nullptr, nullptr)) >= 0;) {
      std::string request;
      std::array<char, 1024> some{};
      while (request.find("\r\n\r\n") == std::string::npos) {
        const auto got = recv(peer, some.data(), some.size(), 0);
        if (got <= 0)
          break;
        request.append(some.data(), static_cast<std::size_t>(got));
      }
      const auto begin = request.find('/') + 1;
      const auto path = request.substr(begin, request.find(' ', begin) - begin);
      const auto answer =
          "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(path.size()) +
          "\r\n\r\n" + path;
      (void)send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
      close(peer);
    }
  }

  int listens_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

struct page {
  int number;
};

} // namespace

int main() {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  int wrong = 0, failed = 0;
  std::vector<int> seen(50);
  {
    const echo_server server;
    http_client client;
    std::atomic<int> failures{0}, mistakes{0};
    convoy::runtime rt{{.concurrency = 2}};
    convoy::processor<int, page> pages{
        rt, [&](const int& site, page& p) -> convoy::task {
          const auto url =
              server.url("site" + std::to_string(site) + "/" + std::to_string(p.number));
          const auto start = [&](convoy::completion<std::string> done) {
            client.get(url, std::move(done));
          };
          std::string body;
          try {
            body = co_await convoy::callback<std::string>(start);
          } catch (const std::runtime_error&) {
            ++failures;
          }
          auto& next = seen[static_cast<std::size_t>(site)]; // of this key alone
          mistakes += next++ != p.number || !url.ends_with(body);
        }};
    for (int number = 0; number < 4; ++number)
      for (int site = 0; site < 50; ++site)
        if (pages.submit(site, page{number}) != convoy::submit_status::accepted)
          return 1;
    pages.drain();
    wrong = mistakes;
    failed = failures;
  }
  std::cout << "200 pages, " << wrong << " wrong, " << failed << " failed\n";
  curl_global_cleanup();
  return wrong == 0 && failed == 0 ? 0 : 1;
}
