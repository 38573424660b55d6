#pragma once

// How far each partition is committed.

#include "client.hpp"

#include <chrono>
#include <convoy/detail/source/intake.hpp>
#include <convoy/kafka/options.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace convoy::kafka::detail {

using clock = std::chrono::steady_clock;

/// A partition that is assigned.
struct held_partition {
  std::string topic;
  std::int32_t partition = 0;
  convoy::detail::assignment* records = nullptr;

  // ---- what was committed last, and what was asked for ----
  std::int64_t committed = RD_KAFKA_OFFSET_INVALID;
  std::int64_t asked = RD_KAFKA_OFFSET_INVALID;
  std::string asked_text;

  bool has_begun = false; ///< a record of it has come
};

/// The reader's. Offset and metadata of a commit are from the same moment.
class commits {
public:
  commits(const reader_options& wanted, rd_kafka_t* client) : options_(wanted), client_(client) {}

  /// Asks for it; done() is called with the answer, by polling.
  void ask(std::vector<held_partition>& of);
  /// All of it, what was asked for as well: nobody has answered for that yet, and may never. Waits for
  /// the answer until then. False: it was not committed, and reported.
  bool wait(std::vector<held_partition>& of, clock::time_point until);
  /// wait() has had no answer.
  [[nodiscard]] bool is_unanswered() const noexcept { return is_unanswered_; }
  void done(std::vector<held_partition>& of, rd_kafka_resp_err_t code,
            const rd_kafka_topic_partition_list_t* offsets);

private:
  enum class which : unsigned char { changed, all };
  [[nodiscard]] owned<rd_kafka_topic_partition_list_t> list_of(std::vector<held_partition>& of,
                                                               which wanted);
  /// Of rd_kafka_commit_queue(). Null: there is none by then.
  [[nodiscard]] owned<rd_kafka_event_t> answer_to(const rd_kafka_topic_partition_list_t& asked,
                                                  clock::time_point until);
  void tell_unsent(const std::vector<held_partition>& of, const std::string& why);
  /// True: it may do with less metadata.
  bool failed(std::vector<held_partition>& of, rd_kafka_resp_err_t code);

  const reader_options& options_;
  rd_kafka_t* client_;
  std::size_t most_text_ = 4096; // the broker's limit, unless it has less
  bool told_ = false, is_unanswered_ = false;
};

[[nodiscard]] held_partition* find(std::vector<held_partition>& in, std::string_view topic,
                                   std::int32_t partition) noexcept;

} // namespace convoy::kafka::detail
