#include "top/watcher.hpp"

#include "text/input_error.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <exception>
#include <string>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace convoy::tool {

watcher::watcher(const std::string& socket, std::chrono::milliseconds interval)
    : socket_{socket}, interval_{interval}, client_{socket} {
  latest_.processors = parse_snapshots(client_.get("/snapshot.json"));
  news_fd_ = ::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  if (news_fd_ == -1)
    throw std::system_error{errno, std::generic_category(), "cannot watch"};
  sigset_t all, before; // signals are for the thread that draws
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread{[this] { run(); }};
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::close(news_fd_);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

watcher::~watcher() {
  {
    const std::lock_guard lock{mutex_};
    ends_ = true;
  }
  changed_.notify_one();
  client_.stop();
  thread_.join();
  ::close(news_fd_);
}

news watcher::take() {
  std::uint64_t count = 0;
  while (::read(news_fd_, &count, sizeof count) == -1 && errno == EINTR) {
  }
  const std::lock_guard lock{mutex_};
  return latest_;
}

void watcher::ask_why(std::optional<question> about) {
  {
    const std::lock_guard lock{mutex_};
    if (about_ == about)
      return;
    about_ = std::move(about);
    asks_anew_ = about_.has_value();
  }
  changed_.notify_one();
}

void watcher::run() {
  std::unique_lock lock{mutex_};
  while (!ends_) {
    changed_.wait_for(lock, interval_, [this] { return ends_ || asks_anew_; });
    if (ends_)
      break;
    asks_anew_ = false;
    const auto about = about_;
    lock.unlock();
    news now = look(about);
    lock.lock();
    if (!now.trouble.empty()) // what was there last stays to be seen
      now.processors = std::move(latest_.processors);
    latest_ = std::move(now);
    const std::uint64_t one = 1;
    while (::write(news_fd_, &one, sizeof one) == -1 && errno == EINTR) {
    }
  }
}

news watcher::look(const std::optional<question>& about) {
  news now;
  try {
    now.processors = parse_snapshots(client_.get("/snapshot.json"));
  } catch (const nobody_there&) {
    now.trouble = "the process has ended, waiting for it; below is what was seen last";
    return now;
  } catch (const std::exception& error) {
    now.trouble = error.what();
    return now;
  }
  now.asked = about;
  if (about)
    try {
      now.why = parse_why(
          client_.get("/explain", {{"processor", about->processor}, {"key", about->key}}));
    } catch (const no_page& error) {
      now.why_not = error.reason.empty() ? error.what() : error.reason;
    } catch (const std::exception& error) {
      now.why_not = error.what();
    }
  return now;
}

} // namespace convoy::tool
