// expect: a handler of spans can't have messages with access()
#include <convoy/convoy.hpp>
#include <span>

struct reading {};
template <>
struct convoy::message_traits<reading> {
  static convoy::access access(const reading&) noexcept { return access::shared; }
};

int main() {
  convoy::runtime rt;
  const convoy::processor<int, reading> p{rt, [](const int&, std::span<reading>) {}};
}
