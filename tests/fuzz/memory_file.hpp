#pragma once

#include "input/byte_source.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>

/// The bytes as an open file; they must outlive it.
inline convoy::tool::file_handle memory_file(const std::uint8_t* data, std::size_t size) {
  // fmemopen only reads in this mode. A size of 0 is an empty file.
  return convoy::tool::file_handle{fmemopen(const_cast<std::uint8_t*>(data), size, "rb")};
}
