// expect: nodiscard
#include <convoy/convoy.hpp>

#pragma GCC diagnostic error "-Wunused-result"

int main() {
  convoy::runtime rt;
  convoy::processor<int, int> p{rt, [](int&) {}};
  p.submit(1, 1);
}
