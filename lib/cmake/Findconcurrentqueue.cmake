# moodycamel's ConcurrentQueue, as the target convoy::concurrentqueue for `#include <concurrentqueue.h>`.
#
# It is headers alone, and every distribution puts them elsewhere: Debian in include/concurrentqueue without a CMake
# package, upstream in include/concurrentqueue/moodycamel with one. So only the directory of the headers counts.

find_package(concurrentqueue CONFIG QUIET)
if(TARGET concurrentqueue::concurrentqueue)
  get_target_property(concurrentqueue_hints concurrentqueue::concurrentqueue INTERFACE_INCLUDE_DIRECTORIES)
endif()
find_path(concurrentqueue_INCLUDE_DIR concurrentqueue.h
  HINTS ${concurrentqueue_hints}
  PATH_SUFFIXES concurrentqueue concurrentqueue/moodycamel moodycamel)
mark_as_advanced(concurrentqueue_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(concurrentqueue REQUIRED_VARS concurrentqueue_INCLUDE_DIR)
if(concurrentqueue_FOUND AND NOT TARGET convoy::concurrentqueue)
  add_library(convoy::concurrentqueue INTERFACE IMPORTED GLOBAL)
  target_include_directories(convoy::concurrentqueue INTERFACE ${concurrentqueue_INCLUDE_DIR})
endif()
