# librdkafka, as the target convoy::rdkafka for `#include <librdkafka/rdkafka.h>`.
#
# Distributions have it with a description for pkg-config and mostly without a CMake package; the version is read from the
# header.

find_path(rdkafka_INCLUDE_DIR librdkafka/rdkafka.h)
find_library(rdkafka_LIBRARY rdkafka)
mark_as_advanced(rdkafka_INCLUDE_DIR rdkafka_LIBRARY)
if(rdkafka_INCLUDE_DIR)
  # 0xMMmmrrxx: major, minor, revision, and what kind of a release.
  file(STRINGS ${rdkafka_INCLUDE_DIR}/librdkafka/rdkafka.h rdkafka_define REGEX "^#define RD_KAFKA_VERSION +0x" LIMIT_COUNT 1)
  if(rdkafka_define MATCHES "0x(..)(..)(..)")
    math(EXPR rdkafka_major "0x${CMAKE_MATCH_1}")
    math(EXPR rdkafka_minor "0x${CMAKE_MATCH_2}")
    math(EXPR rdkafka_revision "0x${CMAKE_MATCH_3}")
    set(rdkafka_VERSION ${rdkafka_major}.${rdkafka_minor}.${rdkafka_revision})
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(rdkafka REQUIRED_VARS rdkafka_LIBRARY rdkafka_INCLUDE_DIR VERSION_VAR rdkafka_VERSION)
if(rdkafka_FOUND AND NOT TARGET convoy::rdkafka)
  add_library(convoy::rdkafka UNKNOWN IMPORTED GLOBAL)
  set_target_properties(convoy::rdkafka PROPERTIES IMPORTED_LOCATION ${rdkafka_LIBRARY})
  target_include_directories(convoy::rdkafka INTERFACE ${rdkafka_INCLUDE_DIR})
endif()
