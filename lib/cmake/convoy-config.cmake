include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(TBB) # the library links it; no header of it is included by ours
include(${CMAKE_CURRENT_LIST_DIR}/convoy-targets.cmake)
