// expect: the key needs operator== or an equality
#include <convoy/convoy.hpp>

struct key {};

template <>
struct std::hash<key> {
  std::size_t operator()(const key&) const { return 0; }
};

int main() {
  convoy::runtime rt;
  convoy::processor<key, int> p{rt, [](int&) {}};
}
