// expect: the handler must return void, convoy::outcome or a convoy::task
#include <convoy/convoy.hpp>
#include <span>

int main() {
  convoy::runtime rt;
  convoy::processor<int, int, int> p{
      rt, [](const int&, std::span<int>, int&) { return convoy::outcome::kind::skip; }};
}
