// No #pragma once: each header that users include begins with this one and ends with epilogue.hpp.

// What does not go is refused in a line. The include that is not there ends the compilation: what
// would follow are only consequences.
#if __cplusplus < 202002L
#error "convoy needs C++20: compile with -std=c++20 or a newer standard"
#include "see_the_error_above"
#elif !defined(__cpp_exceptions)
#error "convoy needs exceptions: compile without -fno-exceptions"
#include "see_the_error_above"
#endif
#include <version>
#ifndef __cpp_lib_jthread
#error "convoy needs std::stop_token: use libstdc++ 11 or newer (clang: without -stdlib=libc++)"
#include "see_the_error_above"
#endif

// Macros of others (Qt, C headers, kernels) whose names are used here or in the standard library
// are out of the way until the epilogue brings them back. tests/headers defines these and many
// more.
#pragma push_macro("check")
#undef check
#pragma push_macro("fallthrough")
#undef fallthrough
#pragma push_macro("max")
#undef max
#pragma push_macro("min")
#undef min
#pragma push_macro("noinline")
#undef noinline
#pragma push_macro("noreturn")
#undef noreturn
#pragma push_macro("signals")
#undef signals
#pragma push_macro("slots")
#undef slots
#pragma push_macro("unused")
#undef unused
