#include "input/jsonl.hpp"

#include "read_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_any(convoy::tool::read_jsonl, data, size);
  read_any(convoy::tool::read_jsonl, data, size, {.key_column = "a.b.c"});
  return 0;
}
