#pragma once

#include <convoy/detail/source/consumer.hpp>
#include <convoy/kafka/options.hpp>
#include <convoy/kafka/record.hpp>
#include <convoy/processor.hpp>
#include <convoy/runtime.hpp>
#include <convoy/source.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace convoy::kafka {

namespace detail {

/// See convoy::detail::consumer_core.
struct broker {
  using record = kafka::record;
  using reader_options = kafka::reader_options;
  static constexpr convoy::detail::source_names names{"convoy::kafka", "on_revoke",
                                                      "dead_letter_topic"};

  template <class Options>
  [[nodiscard]] static const std::string& letters_go_to(const Options& from) noexcept {
    return from.dead_letter_topic;
  }
  [[nodiscard]] static std::unique_ptr<convoy::detail::record_reader<record>>
  make_reader(reader_options wanted);
};

} // namespace detail

/// Reads topics as a member of a consumer group, and handles the records of a key in order, one at a
/// time, those of different keys in parallel, whatever partitions they are in. The key is the
/// record's; processor() knows it by its bytes.
///
/// **Delivery** is at least once: after a crash, or when a partition is taken away for good, records
/// that were handled since the last commit are handled again, on whichever instance has the partition
/// then. (topic, partition, offset) tells them apart. Who leaves in time (stop(), a rebalance) gives
/// back what is not finished, and nothing is handled twice, if handlers return within
/// on_revoke.finish and the gaps (what is finished above the first record that is not) find room in a
/// commit's metadata (4,096 bytes). In one instance a key never overlaps itself, not even when a record
/// comes again while its handler still runs.
///
/// **Order.** The first handling of each record is in the order of offsets, per key and partition. A
/// record that was handled again may come after later ones that were handled before.
///
/// **Handler** and failures: as a processor's, with record as message and std::string as key.
///
/// **State** of keys, basic_consumer<State>, is as a processor's: handlers get State& last, or
/// context.state(). It is this process's alone: see consumer_options::state.
///
/// The thread in run() reads, commits, and answers rebalances. Neither copied nor moved.
template <class State = void>
class basic_consumer {
public:
  using processor_type = convoy::processor<std::string, record, State>;
  using context = typename processor_type::context;
  using options = consumer_options<State>;

  /// Reads nothing yet. Throws std::invalid_argument for options that make no sense, error for
  /// settings that librdkafka refuses, and what the processor's constructor throws.
  template <class Handler>
  basic_consumer(runtime& where, Handler handler, options wanted)
      : core_(where, std::move(handler), std::move(wanted)) {}
  basic_consumer(const basic_consumer&) = delete;
  basic_consumer& operator=(const basic_consumer&) = delete;
  ~basic_consumer() = default;

  /// Joins the group and reads, until stop(); then finishes what runs, within on_revoke.finish,
  /// commits, and leaves, within options.connect: of a broker that does not answer nothing is waited
  /// for after that, and what could not be committed is reported. Once, on a thread that is no
  /// worker's. Throws error if the brokers can't be reached at first, if a topic does not exist, if
  /// they refuse the login, or if a record has held up its partition for too long (blocked::stop);
  /// then too what was finished is committed. Throws std::logic_error the second time, std::bad_alloc.
  source_account run() { return core_.run(); }

  /// Any thread, any number of times, also in a signal handler or before run(). Never waits: run()
  /// returns within on_revoke.finish and options.connect.
  void stop() noexcept { core_.stop(); }

  /// Of the partitions that are assigned, as of the last tenth of a second. Any thread.
  [[nodiscard]] std::vector<source_position> positions() const { return core_.positions(); }

  /// To pause, resume and explain keys, to redrive dead letters. Do not close it.
  [[nodiscard]] processor_type& processor() noexcept { return core_.processor(); }

private:
  convoy::detail::consumer_core<detail::broker, options, State> core_;
};

using consumer = basic_consumer<>;

} // namespace convoy::kafka
