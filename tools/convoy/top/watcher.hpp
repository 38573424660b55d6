#pragma once

// Asks again and again, beside the thread that draws: keys are answered at once, whatever the
// process that is watched does.

#include "top/client.hpp"
#include "top/snapshots.hpp"

#include <chrono>
#include <condition_variable>
#include <convoy/snapshot.hpp>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace convoy::tool {

/// Of a key, at a processor.
struct question {
  std::string processor, key;
  bool operator==(const question&) const = default;
};

struct news {
  std::vector<snapshot> processors; ///< the last that came
  std::string trouble;              ///< why no newer ones come; empty: they do
  std::optional<question> asked;    ///< what the rest is about
  std::optional<answer_to_why> why;
  std::string why_not;
};

class watcher {
public:
  /// Throws input_error if it can't be reached now.
  watcher(const std::string& socket, std::chrono::milliseconds interval);
  watcher(const watcher&) = delete;
  watcher& operator=(const watcher&) = delete;
  ~watcher();

  /// Becomes readable when there are news.
  [[nodiscard]] int news_fd() const { return news_fd_; }
  [[nodiscard]] news take();

  /// From now on, until it is told otherwise.
  void ask_why(std::optional<question> about);

private:
  void run();
  [[nodiscard]] news look(const std::optional<question>& about);

  const std::string socket_;
  const std::chrono::milliseconds interval_;
  insight_client client_;
  int news_fd_ = -1;

  std::mutex mutex_;
  std::condition_variable changed_;
  news latest_;
  std::optional<question> about_;
  bool asks_anew_ = false, ends_ = false;
  std::thread thread_;
};

} // namespace convoy::tool
