// expect: each followed by State& if the processor has one
#include <convoy/convoy.hpp>

struct sum {};

int main() {
  convoy::runtime rt;
  convoy::processor<int, int, sum> p{rt, [](int&) {}};
}
