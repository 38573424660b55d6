// expect: a key must be nothrow move constructible
#include <convoy/convoy.hpp>

struct key {
  key() = default;
  key(const key&) {}
  bool operator==(const key&) const = default;
};

template <>
struct std::hash<key> {
  std::size_t operator()(const key&) const { return 0; }
};

int main() {
  convoy::runtime rt;
  convoy::processor<key, int> p{rt, [](int&) {}};
}
