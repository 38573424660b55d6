#include "input/clf.hpp"

#include "read_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_any(convoy::tool::read_clf, data, size);
  read_any(convoy::tool::read_clf, data, size, {.key_column = "host"});
  return 0;
}
