// expect: a callable must return void: nobody would see what it returns
#include <convoy/convoy.hpp>

int main() {
  convoy::runtime rt;
  convoy::keyed_executor<int> ex{rt};
  (void)ex.submit(1, [] { return false; });
}
