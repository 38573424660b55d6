// expect: convoy needs C++20
// options: -std=c++17
#include <convoy/runtime.hpp> // any header that users include

int main() {}
