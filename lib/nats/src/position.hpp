#pragma once

// How far a reader is, in a bucket of keys and values, and whose turn it is to say so.

#include "client.hpp"

#include <convoy/nats/options.hpp>
#include <convoy/watermark.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace convoy::nats::detail {

/// The value: who wrote it, when the stream that it is about was created, and the text of progress.
struct position_entry {
  std::string owner;
  std::int64_t created_ns = 0;
  std::string text;
};
[[nodiscard]] std::string to_value(const position_entry& from);
[[nodiscard]] std::optional<position_entry> position_from_value(std::string_view value);

/// The reader's thread. Each write expects the revision of the last one, so that the server refuses
/// it when somebody else has written since.
///
///   claim()   writes what is there again, with our own id: from now on whoever had it before is refused
///   commit()  writes; if it is refused, or not answered, who has written last decides: we, and it is
///             known how far it is, or somebody else, and it is over
class position {
public:
  position(const client& by, const reader_options& options, stream_state stream);

  /// What was finished before. Throws error.
  [[nodiscard]] progress claim(const std::atomic<bool>& stop);

  enum class result : unsigned char { kept, failed, taken_over };
  /// Failed: nobody knows; try again. Never throws error.
  [[nodiscard]] result commit(const progress& what);
  /// Nothing has changed: whether somebody has taken over.
  [[nodiscard]] result look();

  /// All below it is committed; 0: nothing.
  [[nodiscard]] std::uint64_t committed() const noexcept { return committed_; }
  /// Of the last result.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

private:
  struct found {                // in the bucket
    std::uint64_t revision = 0; ///< 0: there never was any
    bool deleted = false;
    std::string value;
  };
  [[nodiscard]] natsStatus read(found& into);
  [[nodiscard]] natsStatus write(const std::string& text);
  void open_bucket();
  [[nodiscard]] progress progress_of(const found& what);
  [[nodiscard]] result settle(const std::string* written);

  const client& by_;
  const reader_options& options_;
  const stream_state stream_;
  const std::string source_, id_, subject_, bucket_stream_;
  std::uint64_t revision_ = 0;
  std::string text_; // committed
  std::uint64_t committed_ = 0;
  std::string why_;
};

} // namespace convoy::nats::detail
