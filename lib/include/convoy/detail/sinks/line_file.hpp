#pragma once

// A file of lines, each of them whole or not there.

#include "convoy/detail/sinks/owned_file.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace convoy::detail {

/// Lines are appended in one write each. What a killed process left of its last line is cut off
/// when the file is opened. When the path names another file, or none, the file is left, and what
/// is at the path is opened, or created.
///
/// **Group commit.** With sync, append() returns once its line is durable. The thread that syncs is
/// one of those that wait; lines that others write meanwhile are synced together next. Before it
/// syncs it waits for as many lines as there were threads during the last sync, but not long: else
/// two threads would sync in turn, each its own line.
///
/// **A sync that fails** leaves it open what is on the device. All lines since the last one that
/// succeeded are cut off, and their append() throws.
///
/// Errors are std::system_error, with the path and what to do.
class line_file {
public:
  /// Creates the file if there is none. With sync, a line that is appended survives a loss of
  /// power.
  line_file(const std::string& path, bool sync);
  line_file(const line_file&) = delete;
  line_file& operator=(const line_file&) = delete;

  /// Appends the line, which ends with its only '\n'. If it throws, nothing of the line is left.
  /// Any thread; waits for other threads that append. Throws std::logic_error in a forked child.
  void append(std::string_view line);

  /// Leaves the file if the path names it no longer; all lines in it are durable then, with sync.
  void reopen();

  /// Bytes that were cut off when a file was opened.
  [[nodiscard]] std::size_t torn() const;

private:
  using lock_type = std::unique_lock<std::mutex>;

  /// Lines that are synced together.
  struct batch {
    std::size_t lines = 0;
    bool is_done = false;
    int error = 0; // errno of the sync
  };

  std::unique_ptr<owned_file> open();
  void refuse_in_child() const;
  [[nodiscard]] bool is_at(const std::optional<file_identity>& named) const noexcept;
  void follow(lock_type& lock);
  void write(std::string_view line);
  void cut_back();
  void sync_gathered(lock_type& lock);
  static void finish(batch& lines, int error) noexcept;
  [[noreturn]] void fail(const char* doing, const char* advice) const;

  const std::string path_;
  const bool sync_;
  const std::int64_t process_;
  mutable std::mutex mutex_; // of all below
  std::size_t torn_ = 0;
  std::unique_ptr<owned_file> file_;    // stays while somebody syncs
  std::optional<std::int64_t> cut_to_;  // the file must end here, before anything is appended
  std::int64_t end_ = 0;                // of the last whole line
  std::int64_t synced_end_ = 0;         // of the last line that is durable
  std::condition_variable changed_;     // is_done, is_syncing_, or enough lines gathered
  bool is_syncing_ = false;             // a thread does, without the lock
  std::shared_ptr<batch> gathering_;    // what the next sync is for
  std::shared_ptr<batch> spare_;        // the next one; there is one if lines are gathered
  std::size_t company_ = 0;             // threads that had lines here during the last sync
  std::chrono::nanoseconds patience_{}; // how long the next sync may wait for as many
};

} // namespace convoy::detail
