#pragma once

// A connection to NATS that only looks: what libnats is asked for, and in plain words what it
// answers. Of one thread.

#include "broker/request.hpp"

#include <cstdint>
#include <memory>
#include <nats/nats.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy::tool {

/// Owns an object of libnats, whose functions want a pointer to the pointer to it.
template <class T, auto Destroy>
class nats_owner {
public:
  nats_owner() = default;
  explicit nats_owner(T* of) : of_{of} {}
  nats_owner(nats_owner&& from) noexcept : of_{std::exchange(from.of_, nullptr)} {}
  nats_owner& operator=(nats_owner&&) = delete;
  ~nats_owner() { Destroy(of_); }

  [[nodiscard]] T* get() const noexcept { return of_; }
  [[nodiscard]] T** to_fill() noexcept { return &of_; }
  T* operator->() const noexcept { return of_; }

private:
  T* of_ = nullptr;
};

using stream_info = nats_owner<jsStreamInfo, &jsStreamInfo_Destroy>;

class nats_client {
public:
  /// Connects. Throws input_error where a setting is not known, where nobody answers and where the
  /// server refuses the user.
  explicit nats_client(const broker_request&);

  nats_client(const nats_client&) = delete;
  nats_client& operator=(const nats_client&) = delete;
  ~nats_client();

  /// What the stream is now. Throws input_error where there is none of that name.
  [[nodiscard]] stream_info stream();

  /// What to say of a failure: the server's words where there are any.
  [[nodiscard]] std::string words(natsStatus, jsErrCode) const;

  [[nodiscard]] jsCtx* context() noexcept { return context_.get(); }
  [[nodiscard]] jsOptions* options() noexcept { return &options_; }

private:
  void connect();
  std::vector<std::string> streams();

  const broker_request& request_;
  nats_owner<natsConnection, &natsConnection_Destroy> connection_;
  nats_owner<jsCtx, &jsCtx_Destroy> context_;
  std::string domain_; ///< options_ points to it
  jsOptions options_{};
};

} // namespace convoy::tool
