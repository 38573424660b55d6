#include "broker/read.hpp"
#include "text/input_error.hpp"

namespace convoy::tool {

trace read_topic(const broker_request&, broker_progress&) {
  throw input_error{"this program was built without Kafka; build it with CONVOY_BUILD_KAFKA=ON"};
}

} // namespace convoy::tool
