# cmake -D NAME=… -D FROM=FILE -D TO=FILE.cpp -P embed.cmake: makes a function page_parts::NAME of what is in a file.
# Without FROM it returns nothing.
set(bytes)
if(FROM)
  file(READ ${FROM} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
endif()
file(WRITE ${TO} "#include \"report/page_parts.hpp\"

namespace {
const unsigned char bytes[] = {${bytes}0};
} // namespace

std::string_view convoy::tool::page_parts::${NAME}() {
  return {reinterpret_cast<const char*>(bytes), sizeof bytes - 1};
}
")
