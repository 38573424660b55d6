// expect: the handler must return void or convoy::outcome
#include <convoy/convoy.hpp>

int main() {
  convoy::runtime rt;
  convoy::processor<int, int> p{rt, [](int& m) { return m == 1; }};
}
