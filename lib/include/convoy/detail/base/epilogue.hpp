// See prologue.hpp.

#pragma pop_macro("check")
#pragma pop_macro("fallthrough")
#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("noinline")
#pragma pop_macro("noreturn")
#pragma pop_macro("signals")
#pragma pop_macro("slots")
#pragma pop_macro("unused")
