#include "convoy/detail/sinks/line_file.hpp"

#include "convoy/detail/base/tuning.hpp"
#include "platform/uninterrupted.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace convoy::detail {

line_file::line_file(const std::string& path, bool sync)
    : path_(absolute_path(path)), sync_(sync), process_(::getpid()), file_(open()),
      gathering_(std::make_shared<batch>()) {}

std::unique_ptr<owned_file> line_file::open() {
  auto file = std::make_unique<owned_file>(path_, owned_file::purpose::append);
  if (file->is_regular()) {
    torn_ += file->cut_torn_line();
    if (sync_)
      file->sync_with_name();
    end_ = synced_end_ = file->size();
  }
  return file;
}

std::size_t line_file::torn() const {
  const std::lock_guard lock(mutex_);
  return torn_;
}

/// The child has our descriptor, but neither our lock's state nor our word for what the file's end
/// is.
void line_file::refuse_in_child() const {
  if (::getpid() != process_)
    throw std::logic_error("convoy: " + quoted(path_) +
                           " was opened before this process was forked; open a file of its own");
}

void line_file::append(std::string_view line) {
  refuse_in_child();
  const auto named = identity_at(path_); // not under the lock: it takes as long as a write
  lock_type lock(mutex_);
  if (!is_at(named))
    follow(lock);
  if (cut_to_)
    cut_back();
  if (!spare_)
    spare_ = std::make_shared<batch>();
  write(line);
  if (!sync_ || !file_->is_regular())
    return;
  const auto mine = gathering_;
  if (++mine->lines == company_)
    changed_.notify_all();
  while (!mine->is_done)
    if (is_syncing_)
      changed_.wait(lock);
    else
      sync_gathered(lock);
  if (mine->error == 0)
    return;
  errno = mine->error;
  fail("can't sync", "nothing of the line is left there; see to the device");
}

void line_file::reopen() {
  refuse_in_child();
  lock_type lock(mutex_);
  follow(lock);
}

/// The path names our file, as far as can be seen.
bool line_file::is_at(const std::optional<file_identity>& named) const noexcept {
  return !named || *named == file_->identity() || !file_->is_regular();
}

void line_file::follow(lock_type& lock) {
  while (!is_at(identity_at(path_))) {
    if (is_syncing_) {
      changed_.wait(lock);
    } else if (gathering_->lines != 0) {
      sync_gathered(lock);
    } else {
      if (cut_to_)
        cut_back();
      file_ = open();
    }
  }
}

void line_file::write(std::string_view line) {
  // A write that comes back short says not why. The next one does, or writes the rest.
  const int descriptor = file_->descriptor();
  std::size_t written = 0;
  while (written < line.size()) {
    const auto count = uninterrupted(
        [&] { return ::write(descriptor, line.data() + written, line.size() - written); });
    if (count <= 0)
      break;
    written += static_cast<std::size_t>(count);
  }
  const int cause = errno;
  const bool is_whole = written == line.size();
  if (is_whole && !sync_)
    return;
  if (file_->is_regular() && written != 0) {
    const auto end = ::lseek(descriptor, 0, SEEK_CUR); // of what we wrote
    const auto begin = end - static_cast<std::int64_t>(written);
    if (is_whole) {
      end_ = end;
      synced_end_ = std::min(synced_end_, begin); // if somebody has made the file shorter
    } else {
      cut_to_ = begin;
      cut_back();
    }
  }
  if (is_whole)
    return;
  errno = cause;
  fail("can't write to", "nothing of the line is left there; make room, or see to the device");
}

/// If it fails, the next append() tries it again before it writes.
void line_file::cut_back() {
  if (file_->size() > *cut_to_ && // else somebody has made it shorter
      uninterrupted([&] { return ::ftruncate(file_->descriptor(), *cut_to_); }) != 0)
    fail("can't cut a torn line off the end of", "see to the device");
  cut_to_.reset();
}

/// Syncs what is gathered when it begins, without the lock.
void line_file::sync_gathered(lock_type& lock) {
  using steady = std::chrono::steady_clock;
  is_syncing_ = true;
  changed_.wait_for(lock, patience_, [this] { return gathering_->lines >= company_; });
  const auto synced = std::exchange(gathering_, std::exchange(spare_, nullptr));
  const auto end = end_;
  lock.unlock();
  const auto begin = steady::now();
  const bool ok = uninterrupted([&] { return ::fdatasync(file_->descriptor()); }) == 0;
  const int error = ok ? 0 : errno;
  const auto took = steady::now() - begin;
  lock.lock();
  is_syncing_ = false;
  patience_ = took / tuning::part_of_sync;
  company_ = synced->lines + gathering_->lines;
  finish(*synced, error);
  if (ok) {
    synced_end_ = end;
  } else {
    // What the device has of lines that came later can't be known either.
    if (gathering_->lines != 0)
      finish(*std::exchange(gathering_, std::exchange(spare_, nullptr)), error);
    cut_to_ = std::min(cut_to_.value_or(synced_end_), synced_end_);
    end_ = synced_end_;
    try {
      cut_back();
    } catch (const std::exception&) { // the next append() tells
    }
  }
  changed_.notify_all();
}

void line_file::finish(batch& lines, int error) noexcept {
  lines.error = error;
  lines.is_done = true;
}

void line_file::fail(const char* doing, const char* advice) const {
  throw_file_error(doing, path_, advice);
}

} // namespace convoy::detail
