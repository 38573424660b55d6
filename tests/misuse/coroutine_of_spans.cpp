// expect: a handler that is a coroutine takes one message
#include <convoy/convoy.hpp>
#include <span>

int main() {
  convoy::runtime rt;
  convoy::processor<int, int> p{rt, [](const int&, std::span<int>) -> convoy::task { co_return; }};
}
