// expect: callable with const State&
#include <convoy/convoy.hpp>

struct reading {};
template <>
struct convoy::message_traits<reading> {
  static convoy::access access(const reading&) noexcept { return access::shared; }
};

int main() {
  convoy::runtime rt;
  const convoy::processor<int, reading, int> p{rt, [](reading&, int&) {}};
}
