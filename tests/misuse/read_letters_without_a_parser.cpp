// expect: say how a key is made of its JSON
#include <convoy/convoy.hpp>

int main() {
  for (auto& letter : convoy::read_dead_letters<double, int>("dead.jsonl"))
    letter.message = 0;
}
