// expect: convoy needs std::stop_token
// As clang -stdlib=libc++ has it before libc++ 18.
#include <version>
#undef __cpp_lib_jthread
#include <convoy/runtime.hpp> // any header that users include

int main() {}
