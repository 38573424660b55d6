#include "csv.hpp"

#include "read_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_any(convoy::tool::read_csv, data, size);
  return 0;
}
