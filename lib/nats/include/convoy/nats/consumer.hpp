#pragma once

#include <convoy/detail/source/consumer.hpp>
#include <convoy/nats/options.hpp>
#include <convoy/nats/record.hpp>
#include <convoy/processor.hpp>
#include <convoy/runtime.hpp>
#include <convoy/source.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace convoy::nats {

namespace detail {

/// See convoy::detail::consumer_core.
struct broker {
  using record = nats::record;
  using reader_options = nats::reader_options;
  static constexpr convoy::detail::source_names names{"convoy::nats", "on_stop",
                                                      "dead_letter_subject"};

  template <class Options>
  [[nodiscard]] static const std::string& letters_go_to(const Options& from) noexcept {
    return from.dead_letter_subject;
  }
  [[nodiscard]] static std::unique_ptr<convoy::detail::record_reader<record>>
  make_reader(reader_options wanted);
};

} // namespace detail

/// Reads a stream of JetStream as it is, with an ordered consumer, and handles the records of a key in
/// order, one at a time, those of different keys in parallel. What is finished is kept under the
/// consumer's name, in a bucket of keys and values; nothing else is left in the server.
///
/// **Delivery** is at least once: after a crash, records that were handled since the last commit are
/// handled again. (stream, sequence) tells them apart. stop() gives back what is not finished, and
/// nothing is handled twice, if handlers return within on_stop.finish and the gaps (what is finished
/// above the first record that is not) find room in 4,096 bytes. In one instance a key never overlaps
/// itself.
///
/// **Order.** The first handling of each record is in the stream's order, per key. A record that was
/// handled again may come after later ones that were handled before.
///
/// **Several with one name**: the one that began last reads on. The others notice it with their next
/// commit, commits that would overwrite its position are refused by the server, and their run()
/// throws. What they have handled by then and not committed is handled again.
///
/// **Handler** and failures: as a processor's, with record as message and std::string as key.
///
/// **State** of keys, basic_consumer<State>, is as a processor's: handlers get State& last, or
/// context.state(). It is this process's alone: see consumer_options::state.
///
/// The thread in run() reads and commits. Neither copied nor moved.
template <class State = void>
class basic_consumer {
public:
  using processor_type = convoy::processor<std::string, record, State>;
  using context = typename processor_type::context;
  using options = consumer_options<State>;

  /// Connects to nothing yet. Throws std::invalid_argument for options that make no sense, error for
  /// files in the settings that can't be read, and what the processor's constructor throws.
  template <class Handler>
  basic_consumer(runtime& where, Handler handler, options wanted)
      : core_(where, std::move(handler), std::move(wanted)) {}
  basic_consumer(const basic_consumer&) = delete;
  basic_consumer& operator=(const basic_consumer&) = delete;
  ~basic_consumer() = default;

  /// Reads from where the one before has got to, until stop(); then finishes what runs, within
  /// on_stop.finish, and commits: of a server that does not answer nothing is waited for after some
  /// seconds, and what could not be committed is reported. Once, on a thread that is no worker's.
  /// Throws error if the server can't be reached at first or refuses the login, if it has no JetStream,
  /// no such stream, or none that takes in dead letters; if another consumer of this name has taken
  /// over; if the stream was deleted or made anew; or if a record has held up the others for too long
  /// (blocked::stop). Then too what was finished is committed, unless another has taken over. Throws
  /// std::logic_error the second time, std::bad_alloc.
  source_account run() { return core_.run(); }

  /// Any thread, any number of times, also in a signal handler or before run(). Never waits: run()
  /// returns within on_stop.finish and some seconds.
  void stop() noexcept { core_.stop(); }

  /// Of the stream, as of the last tenth of a second; the lag is in messages that are to be read. Any
  /// thread.
  [[nodiscard]] std::vector<source_position> positions() const { return core_.positions(); }

  /// To pause, resume and explain keys, to redrive dead letters. Do not close it.
  [[nodiscard]] processor_type& processor() noexcept { return core_.processor(); }

private:
  convoy::detail::consumer_core<detail::broker, options, State> core_;
};

using consumer = basic_consumer<>;

} // namespace convoy::nats
