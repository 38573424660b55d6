#pragma once

// What the library has put out of the way: see convoy/detail/base/prologue.hpp.

#include "macros_of_others.hpp"

static_assert(MACRO_TEXT(check(1))[0] == '=' && MACRO_TEXT(fallthrough)[0] == '=' &&
              MACRO_TEXT(max(1, 2))[0] == '=' && MACRO_TEXT(min(1, 2))[0] == '=' &&
              MACRO_TEXT(noinline)[0] == '=' && MACRO_TEXT(noreturn)[0] == '=' &&
              MACRO_TEXT(signals)[0] == '=' && MACRO_TEXT(slots)[0] == '=' &&
              MACRO_TEXT(unused)[0] == '=');
