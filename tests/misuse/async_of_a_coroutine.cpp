// expect: async() would return a coroutine that nobody begins
#include <convoy/convoy.hpp>

int main() {
  convoy::runtime rt;
  convoy::keyed_executor<int> executor{rt};
  (void)executor.async(1, []() -> convoy::task { co_return; });
}
