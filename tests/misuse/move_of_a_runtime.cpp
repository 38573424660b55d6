// expect: deleted
#include <convoy/convoy.hpp>

int main() {
  convoy::runtime rt;
  convoy::runtime moved = std::move(rt);
}
