#pragma once

#include <convoy/runtime.hpp>
#include <memory>
#include <string>

namespace convoy {

/// Lets others on this machine look into a runtime, over HTTP on a Unix socket: `convoy top PATH`,
/// or `curl --unix-socket PATH http://x/`, which lists what there is:
///
///   GET /metrics                      for Prometheus; OpenMetrics if the Accept header asks for it
///   GET /snapshot.json                runtime::snapshot(), see to_json()
///   GET /explain?processor=P&key=K    runtime::explain(); P may be left out if there is one
///   GET /trace?seconds=S              runtime::record() for Perfetto, up to 10 s and 200,000 things
///                                     of each processor; one at a time
///
/// Only the user that this process runs as, and root, may connect: the file has mode 0600 from the
/// moment it is there, and the kernel is asked who the peer is. A socket that a process has left
/// behind when it died is replaced; one that somebody listens on, and a file that is none, is not.
/// While it is opened an empty file .NAME.convoy-lock is beside it, so that one process does at once.
///
/// One thread, from here to the destructor, does everything, and a second one while a trace is
/// recorded; no handler waits for them. There are at most 32 connections; of each 8 KiB are read, and
/// it has 5 s for its request and 5 s for the answer. A snapshot that is younger than 20 ms is used
/// again. So clients that are slow, many or hostile cost others at most some time.
///
/// Only who asks for `address` gets TCP. There is no authentication there and no encryption: whoever
/// reaches that port sees the labels of keys. Requests to a loopback address must say so in their
/// Host header, as a web page must not be able to ask through its reader's browser.
///
/// After fork() it is the parent's: the child may destroy it, which removes nothing.
///
/// Neither copied nor moved; must not outlive the runtime.
class insight_socket {
public:
  struct options {
    std::string path = {};    ///< of the Unix socket, at most 107 bytes; its directory must exist
    std::string address = {}; ///< of a TCP port besides or instead: "127.0.0.1:9100", "[::1]:9100"
  };

  /// Throws std::invalid_argument if neither is given or one is malformed, std::system_error, which
  /// names the path or the address, if it can't be opened, and std::bad_alloc.
  insight_socket(runtime& of, const options& where);
  insight_socket(const insight_socket&) = delete;
  insight_socket& operator=(const insight_socket&) = delete;

  /// Removes the socket's file, ends all connections and the thread. It does not wait for clients;
  /// for an answer that is being made, at most the 50 ms of runtime::explain().
  ~insight_socket();

  /// The address that is listened on, with the port that the system has chosen for port 0; empty
  /// without one.
  [[nodiscard]] const std::string& address() const noexcept;

private:
  struct door;
  std::unique_ptr<door> door_;
};

} // namespace convoy
