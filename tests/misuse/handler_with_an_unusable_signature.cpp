// expect: the handler must be callable as (message&), (const key&, message&) or
#include <convoy/convoy.hpp>

int main() {
  convoy::runtime rt;
  convoy::processor<int, int> p{rt, [](const char*, const char*, const char*) {}};
}
