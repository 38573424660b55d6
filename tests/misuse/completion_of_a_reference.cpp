// expect: what completes a coroutine is a value
#include <convoy/convoy.hpp>

int main() {
  convoy::runtime rt;
  convoy::processor<int, int> p{rt, [](int&) -> convoy::task {
                                  const auto start = [](convoy::completion<int&>) {};
                                  (void)co_await convoy::callback<int&>(start);
                                }};
}
