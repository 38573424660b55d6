// expect: the handler must return void, convoy::outcome or a convoy::task
#include <convoy/convoy.hpp>

int main() {
  convoy::runtime rt;
  convoy::processor<int, int> p{rt, [](int& m) { return m == 1; }};
}
