// expect: the key needs a hash: specialise std::hash or
#include <convoy/convoy.hpp>

struct key {
  bool operator==(const key&) const = default;
};

int main() {
  convoy::runtime rt;
  convoy::processor<key, int> p{rt, [](int&) {}};
}
