#pragma once

// Boost.Asio: a strand per key on a thread pool. strand<thread_pool::executor_type> is the current
// kind, each with a queue of its own; io_context::strand shares 193 of them among all.

#include "harness/subject.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

namespace bench {

template <class Key, class Message>
class asio_strand {
public:
  asio_strand(const setup& s, handler& handle)
      : handle_(handle), pool_(s.workers),
        strands_(s, [this] { return boost::asio::make_strand(pool_.get_executor()); }) {}
  asio_strand(const asio_strand&) = delete;
  asio_strand& operator=(const asio_strand&) = delete;
  ~asio_strand() { pool_.join(); }

  void submit(const Key& key, const Message& m) {
    boost::asio::post(strands_[key], [&handle = handle_, m] { handle(m); });
  }

private:
  handler& handle_;
  boost::asio::thread_pool pool_;
  directory<Key, boost::asio::strand<boost::asio::thread_pool::executor_type>> strands_;
};

} // namespace bench
