#pragma once

// libnats's handles as objects, and what goes wrong with them as sentences.

#include <atomic>
#include <chrono>
#include <convoy/nats/options.hpp>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nats/nats.h>
#include <string>

namespace convoy::nats::detail {

struct deleter {
  void operator()(natsConnection* which) const noexcept { natsConnection_Destroy(which); }
  void operator()(natsOptions* which) const noexcept { natsOptions_Destroy(which); }
  void operator()(natsSubscription* which) const noexcept { natsSubscription_Destroy(which); }
  void operator()(natsMsg* which) const noexcept { natsMsg_Destroy(which); }
  void operator()(natsInbox* which) const noexcept { natsInbox_Destroy(which); }
  void operator()(jsCtx* which) const noexcept { jsCtx_Destroy(which); }
  void operator()(jsStreamInfo* which) const noexcept { jsStreamInfo_Destroy(which); }
  void operator()(jsStreamNamesList* which) const noexcept { jsStreamNamesList_Destroy(which); }
  void operator()(jsPubAck* which) const noexcept { jsPubAck_Destroy(which); }
  void operator()(kvStore* which) const noexcept { kvStore_Destroy(which); }
  void operator()(const char** which) const noexcept { std::free(static_cast<void*>(which)); }
};
template <class T>
using owned = std::unique_ptr<T, deleter>;

/// Of a connection. Throws std::invalid_argument for what there is no setting for, error for what
/// can't be used.
[[nodiscard]] owned<natsOptions> options_of(const reader_options& from);

/// Without user and password.
[[nodiscard]] std::string shown(const std::string& url);

/// What a call has answered, on this thread; with its reason if it told one.
[[nodiscard]] std::string text_of(natsStatus status);

/// Grows when the server does not say in time that a subscription, of any connection of this process,
/// has its consumer still, or when it has sent what did not arrive.
[[nodiscard]] std::uint64_t doubts() noexcept;

/// Tries again until it is there; null if told to stop. Throws error.
[[nodiscard]] owned<natsConnection> connect(natsOptions* with, const std::string& url,
                                            std::chrono::nanoseconds within,
                                            const std::atomic<bool>& stop);

/// JetStream does not answer: it may a while later.
class no_answer : public error {
public:
  using error::error;
};

/// A connection, and JetStream by it. The reader's, except where libnats lets anyone.
struct client {
  owned<natsConnection> connection;
  owned<jsCtx> js;
  std::string url; // shown

  /// Throws error, or no_answer: what is wrong if JetStream does not answer `asked` ("stream \"orders\"").
  [[noreturn]] void fail(const std::string& asked, natsStatus status, jsErrCode code) const;
  [[nodiscard]] bool is_connected() const {
    return natsConnection_Status(connection.get()) == NATS_CONN_STATUS_CONNECTED;
  }
  /// What it has said last of itself, or nothing.
  [[nodiscard]] std::string complaint() const;
};

/// What is known of a stream.
struct stream_state {
  std::int64_t created_ns = 0;
  std::uint64_t last = 0; ///< sequence, 0: it never had a message
};
/// Throws error.
[[nodiscard]] stream_state look_at_stream(const client& of, const std::string& stream);

/// Throws error if no stream takes in what is published to it, or the one that is read does.
void must_take_letters(const client& of, const reader_options& options);

} // namespace convoy::nats::detail
