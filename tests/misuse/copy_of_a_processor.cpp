// expect: deleted
#include <convoy/convoy.hpp>

int main() {
  convoy::runtime rt;
  convoy::processor<int, int> p{rt, [](int&) {}};
  auto copy = p;
}
