#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

// Operations of Asio, awaited by handlers: a timer, and a message through a socket. Asio's thread only completes;
// handlers go on on workers, in the order of their keys.

namespace {

namespace asio = boost::asio;

/// What an operation of Asio calls: it throws in the handler what has failed. completion is move-only, as
/// Asio allows.
template <class T>
[[nodiscard]] auto into(convoy::completion<T> done) {
  return [done = std::move(done)](const boost::system::error_code& error, auto... value) mutable {
    if (error)
      done.fail(std::make_exception_ptr(boost::system::system_error(error)));
    else
      done(value...);
  };
}

struct ping {
  std::string text;
};

} // namespace

int main() {
  using namespace std::chrono_literals;
  asio::io_context io;
  auto work = std::make_unique<asio::io_context::work>(io);
  std::thread runs([&io] { io.run(); });

  asio::local::stream_protocol::socket ours(io), theirs(io);
  asio::local::connect_pair(ours, theirs);
  int echoed = 0, cancelled = 0;
  {
    convoy::runtime rt{{.concurrency = 2}};
    convoy::processor<int, ping> pings{
        rt, [&](ping& p) -> convoy::task {
          asio::steady_timer timer(io, 1ms);
          const auto wait = [&](convoy::completion<> done) {
            timer.async_wait(into(std::move(done)));
          };
          co_await convoy::callback(wait);

          const auto write = [&](convoy::completion<std::size_t> done) {
            asio::async_write(ours, asio::buffer(p.text), into(std::move(done)));
          };
          std::string back(p.text.size(), ' ');
          const auto read = [&](convoy::completion<std::size_t> done) {
            asio::async_read(theirs, asio::buffer(back), into(std::move(done)));
          };
          (void)co_await convoy::callback<std::size_t>(write);
          (void)co_await convoy::callback<std::size_t>(read);
          echoed += back == p.text;

          asio::steady_timer never(io, 1h);
          const auto cancel = [&](convoy::completion<> done) {
            never.async_wait(into(std::move(done)));
            never.cancel();
          };
          try {
            co_await convoy::callback(cancel);
          } catch (const boost::system::system_error& e) {
            cancelled += e.code() == asio::error::operation_aborted;
          }
        }};
    for (int i = 0; i < 20; ++i)
      if (pings.submit(1, ping{"ping " + std::to_string(i)}) != convoy::submit_status::accepted)
        return 1;
    pings.drain();
  }
  work.reset();
  runs.join();
  std::cout << echoed << " echoed\n";
  return echoed == 20 && cancelled == 20 ? 0 : 1;
}
