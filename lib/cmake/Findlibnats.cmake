# The C client of NATS, as the target convoy::libnats for `#include <nats/nats.h>`.
#
# Its CMake package is broken where a distribution leaves out what it refers to, as Debian does, and its names changed over
# time; so only the header and the library count, and the version is read from the header.

find_path(libnats_INCLUDE_DIR nats/nats.h)
find_library(libnats_LIBRARY nats)
mark_as_advanced(libnats_INCLUDE_DIR libnats_LIBRARY)
if(libnats_INCLUDE_DIR AND EXISTS ${libnats_INCLUDE_DIR}/nats/version.h)
  file(STRINGS ${libnats_INCLUDE_DIR}/nats/version.h libnats_define REGEX "^#define NATS_VERSION_STRING +\"" LIMIT_COUNT 1)
  if(libnats_define MATCHES "\"([0-9.]+)")
    set(libnats_VERSION ${CMAKE_MATCH_1})
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libnats REQUIRED_VARS libnats_LIBRARY libnats_INCLUDE_DIR VERSION_VAR libnats_VERSION)
if(libnats_FOUND AND NOT TARGET convoy::libnats)
  add_library(convoy::libnats UNKNOWN IMPORTED GLOBAL)
  set_target_properties(convoy::libnats PROPERTIES IMPORTED_LOCATION ${libnats_LIBRARY})
  target_include_directories(convoy::libnats INTERFACE ${libnats_INCLUDE_DIR})
endif()
