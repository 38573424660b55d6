# Compiles convoy.hpp with COMPILER and INCLUDE_DIRS, so that must_not_compile.cmake finds it in PRECOMPILED.

list(GET INCLUDE_DIRS 0 header)
file(MAKE_DIRECTORY ${PRECOMPILED}/convoy)
list(TRANSFORM INCLUDE_DIRS PREPEND -I)
execute_process(COMMAND ${COMPILER} -std=c++20 ${INCLUDE_DIRS} -x c++-header ${header}/convoy/convoy.hpp
  -w -o ${PRECOMPILED}/new COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${PRECOMPILED}/new ${PRECOMPILED}/convoy/convoy.hpp.gch)
