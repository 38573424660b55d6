#include "broker/read.hpp"
#include "text/input_error.hpp"

namespace convoy::tool {

trace read_stream(const broker_request&, broker_progress&) {
  throw input_error{"this program was built without NATS; build it with CONVOY_BUILD_NATS=ON"};
}

} // namespace convoy::tool
