// expect: convoy needs exceptions
// options: -fno-exceptions
#include <convoy/runtime.hpp> // any header that users include

int main() {}
