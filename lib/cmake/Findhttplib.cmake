# cpp-httplib, as the target convoy::httplib for `#include <httplib.h>`.
#
# Upstream it is a header alone; Debian compiles it into a library, with options that change what classes hold. They
# stand in the description for pkg-config beside that library; pkg-config itself is not needed.

find_path(httplib_INCLUDE_DIR httplib.h)
find_library(httplib_LIBRARY cpp-httplib) # none: the header is all
mark_as_advanced(httplib_INCLUDE_DIR httplib_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(httplib REQUIRED_VARS httplib_INCLUDE_DIR)
if(httplib_FOUND AND NOT TARGET convoy::httplib)
  add_library(convoy::httplib INTERFACE IMPORTED GLOBAL)
  target_include_directories(convoy::httplib INTERFACE ${httplib_INCLUDE_DIR})
  if(httplib_LIBRARY)
    target_link_libraries(convoy::httplib INTERFACE ${httplib_LIBRARY})
    cmake_path(GET httplib_LIBRARY PARENT_PATH httplib_pc)
    cmake_path(APPEND httplib_pc pkgconfig cpp-httplib.pc)
    if(EXISTS ${httplib_pc})
      file(STRINGS ${httplib_pc} httplib_flags REGEX "^Cflags:")
      string(REGEX MATCHALL "CPPHTTPLIB_[A-Z_]+" httplib_options "${httplib_flags}")
      target_compile_definitions(convoy::httplib INTERFACE ${httplib_options})
    endif()
  endif()
endif()
