#pragma once

// A consumer, but for what is its broker's.

#include "convoy/detail/source/assignment.hpp"
#include "convoy/detail/source/lanes.hpp"
#include "convoy/detail/source/reader_loop.hpp"
#include "convoy/detail/source/source_options.hpp"
#include "convoy/processor.hpp"
#include "convoy/runtime.hpp"
#include "convoy/source.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace convoy::detail {

/// A reader and the processor of its records. A Broker has
///
///   record, reader_options      the latter is made from Options
///   names                       source_names
///   letters_go_to(options)      the place at the broker; empty: none
///   make_reader(its options)    a record_reader; throws what the consumer's constructor throws
template <class Broker, class Options, class State>
class consumer_core {
public:
  using record = typename Broker::record;
  using lanes_type = processor_lanes<record, State>;
  using processor_type = typename lanes_type::processor_type;

  template <class Handler>
  consumer_core(runtime& where, Handler handler, Options wanted)
      : reader_(make_reader(wanted)), parks_(!wanted.dead_letters && !letters_go_to_broker(wanted)),
        lanes_(where, std::move(handler), for_processor(std::move(wanted), *reader_), parks_) {}
  consumer_core(const consumer_core&) = delete;
  consumer_core& operator=(const consumer_core&) = delete;
  ~consumer_core() = default;

  source_account run() { return reader_->run(lanes_); }
  void stop() noexcept { reader_->stop(); }
  [[nodiscard]] std::vector<source_position> positions() const { return reader_->positions(); }
  [[nodiscard]] processor_type& processor() noexcept { return lanes_.get(); }

private:
  using reader = record_reader<record>;

  static bool letters_go_to_broker(const Options& from) {
    return !Broker::letters_go_to(from).empty();
  }
  static std::unique_ptr<reader> make_reader(const Options& from) {
    check_dead_letters(Broker::names, static_cast<bool>(from.dead_letters),
                       letters_go_to_broker(from), from.blocked.then);
    return Broker::make_reader(typename Broker::reader_options(from));
  }
  /// An option of processors that consumers have as well stands in the options of each consumer, and
  /// here.
  static auto for_processor(Options&& from, reader& its) {
    return typename lanes_type::options{
        .capacity = std::size_t{1} << 31, // the reader's bounds are tighter
        .batch_limit = from.batch_limit,
        .on_error = std::move(from.on_error),
        .failure = from.failure,
        .dead_letters = record_sink<record, record_access<record>>(std::move(from.dead_letters),
                                                                   its.dead_letters()),
        .exceptions = std::move(from.exceptions),
        .marker = std::move(from.marker),
        .on_parked = std::move(from.on_parked),
        .state = std::move(from.state),
        .linger = from.linger,
        .watchdog = std::move(from.watchdog),
        .name = std::move(from.name),
        .insight = std::move(from.insight),
        .observe = std::move(from.observe),
        .positions = [&its] { return its.positions(); }};
  }

  const std::unique_ptr<reader> reader_;
  const bool parks_;
  lanes_type lanes_;
};

} // namespace convoy::detail
