// expect: say how a message is made of its JSON
#include <convoy/convoy.hpp>

struct order {
  int quantity;
};

int main() {
  convoy::runtime rt;
  convoy::processor<int, order> p{rt, [](order&) {}};
  convoy::redrive_dead_letters<int, order>("dead.jsonl", p);
}
