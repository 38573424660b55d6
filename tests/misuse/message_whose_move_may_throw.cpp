// expect: a message must be nothrow move constructible
#include <convoy/convoy.hpp>

struct message {
  message() = default;
  message(message&&) noexcept(false) {}
};

int main() {
  convoy::runtime rt;
  convoy::processor<int, message> p{rt, [](message&) {}};
}
