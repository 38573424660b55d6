// expect: a handler that returns task_of<T> answers its message, which needs a member
#include <convoy/convoy.hpp>

int main() {
  convoy::runtime rt;
  convoy::processor<int, int> p{rt, [](int& m) -> convoy::task_of<int> { co_return m; }};
}
