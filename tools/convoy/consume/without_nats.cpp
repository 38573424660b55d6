#include "consume/source.hpp"
#include "text/input_error.hpp"

namespace convoy::tool {

std::unique_ptr<record_source>
open_nats_source(runtime& /*where*/, const consume_request& /*request*/, handling& /*its*/,
                 const std::function<void(std::string_view)>& /*report*/) {
  throw input_error{"this program was built without NATS; build it with CONVOY_BUILD_NATS=ON"};
}

} // namespace convoy::tool
