// expect: the handler must return void or convoy::outcome
#include <convoy/convoy.hpp>
#include <span>

int main() {
  convoy::runtime rt;
  convoy::processor<int, int, int> p{
      rt, [](const int&, std::span<int>, int&) { return convoy::outcome::kind::skip; }};
}
