#include "broker/read.hpp"

#include "text/input_error.hpp"

namespace convoy::tool {

trace read_broker(const broker_request& request, broker_progress& progress) {
  const std::string shown = request.url.shown();
  try {
    trace made = request.url.kind == broker_kind::kafka ? read_topic(request, progress)
                                                        : read_stream(request, progress);
    made.source = shown;
    return made;
  } catch (const input_error& error) {
    throw input_error{shown + ": " + error.what()};
  }
}

} // namespace convoy::tool
