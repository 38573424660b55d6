// expect: a handler that is a coroutine can't have messages with access()
#include <convoy/convoy.hpp>

struct reading {};

template <>
struct convoy::message_traits<reading> {
  static convoy::access access(const reading&) noexcept { return access::shared; }
};

int main() {
  convoy::runtime rt;
  convoy::processor<int, reading> p{rt, [](reading&) -> convoy::task { co_return; }};
}
