include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(TBB) # the library links it; no header of it is included by ours
include(${CMAKE_CURRENT_LIST_DIR}/convoy-targets.cmake)

# find_package(convoy COMPONENTS kafka): an installation has those that were built.
foreach(component IN LISTS convoy_FIND_COMPONENTS)
  if(TARGET convoy::${component})
    set(convoy_${component}_FOUND TRUE)
  elseif(convoy_FIND_REQUIRED_${component})
    string(TOUPPER ${component} option)
    set(convoy_FOUND FALSE)
    set(convoy_NOT_FOUND_MESSAGE
      "This convoy was built without convoy::${component}: build it with CONVOY_BUILD_${option}, and install it again")
  endif()
endforeach()
