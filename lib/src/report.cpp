#include "convoy/detail/core.hpp"

#include <cstdio>

namespace convoy::detail {

void report_to_stderr(std::exception_ptr error) noexcept {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const std::exception& e) {
    std::fprintf(
        stderr,
        "convoy: a handler threw: %s; its message is not tried again; set on_error to see to it\n",
        e.what());
  } catch (...) {
    std::fputs("convoy: a handler threw something that is no std::exception; its message is not "
               "tried again\n",
               stderr);
  }
}

} // namespace convoy::detail
