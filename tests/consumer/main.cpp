// A stranger's program, which knows the library only by way of his own.

#include "numbers.hpp"

int main() {
  return numbers();
}
