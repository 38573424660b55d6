#pragma once

// Where records come from. What is in here is all that a broker is for `convoy consume`.

#include "consume/handling.hpp"
#include "consume/request.hpp"

#include <convoy/runtime.hpp>
#include <convoy/source.hpp>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// A consumer whose handler is a handling. Errors are input_errors, without the URL.
class record_source {
public:
  record_source() = default;
  record_source(const record_source&) = delete;
  record_source& operator=(const record_source&) = delete;
  virtual ~record_source() = default;

  /// Until stop(). Once. Throws input_error.
  virtual source_account run() = 0;
  virtual void stop() noexcept = 0;                                         ///< any thread
  [[nodiscard]] virtual std::vector<source_position> positions() const = 0; ///< any thread

  /// Notes what is there now, before run(), for has_reached_end(). Throws input_error.
  virtual void note_end() = 0;
  /// All that was there is finished, by this process (`now` are its positions) or others. May wait
  /// for the broker, for a second.
  [[nodiscard]] virtual bool has_reached_end(const std::vector<source_position>& now) = 0;

  /// `last`, and what of it the broker knows after run(); what it does not tell stays.
  [[nodiscard]] virtual std::vector<source_position>
  committed(std::vector<source_position> last) = 0;
};

/// `report` is told what goes wrong and does not end it, on the thread in run(). All of them must
/// outlive it. Throws input_error.
[[nodiscard]] std::unique_ptr<record_source>
open_kafka_source(runtime& where, const consume_request& request, handling& its,
                  const std::function<void(std::string_view)>& report);
[[nodiscard]] std::unique_ptr<record_source>
open_nats_source(runtime& where, const consume_request& request, handling& its,
                 const std::function<void(std::string_view)>& report);

} // namespace convoy::tool
