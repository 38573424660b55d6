#include "input/csv.hpp"

#include "read_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_any(convoy::tool::read_csv, data, size);
  read_any(convoy::tool::read_csv, data, size, {.time_column = "t_ms"});
  return 0;
}
