# Compiles CASE with COMPILER, what PRECOMPILED has, and INCLUDE_DIRS. Passes if that fails and an `error:` line of the
# compiler holds the text after `// expect: ` in the first line of CASE. A second line `// options: ` holds options of the
# compiler.

file(STRINGS ${CASE} first_line LIMIT_COUNT 1)
if(NOT first_line MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${CASE}:1: must be `// expect: text of the error`")
endif()
set(expected "${CMAKE_MATCH_1}")

file(STRINGS ${CASE} options REGEX "^// options: ")
string(REPLACE "// options: " "" options "${options}")
separate_arguments(options)

list(TRANSFORM INCLUDE_DIRS PREPEND -I)
execute_process(COMMAND ${COMPILER} -std=c++20 -Werror -fsyntax-only -I${PRECOMPILED} ${INCLUDE_DIRS} ${options} ${CASE}
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "${CASE}: compiles, but must not")
endif()

string(REGEX MATCHALL "[^\n]*error: [^\n]*" errors "${output}")
foreach(error IN LISTS errors)
  string(FIND "${error}" "${expected}" at)
  if(NOT at EQUAL -1)
    return()
  endif()
endforeach()
message(FATAL_ERROR "${CASE}: no error says `${expected}`:\n${output}")
