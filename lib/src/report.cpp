#include "convoy/detail/core.hpp"

#include <cstdio>

namespace convoy::detail {

void report_to_stderr(std::exception_ptr error) noexcept {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const std::exception& e) {
    std::fprintf(
        stderr,
        "convoy: a handler threw: %s; its message counts as handled, set on_error to decide\n",
        e.what());
  } catch (...) {
    std::fputs("convoy: a handler threw something that is no std::exception; its message counts as "
               "handled\n",
               stderr);
  }
}

} // namespace convoy::detail
