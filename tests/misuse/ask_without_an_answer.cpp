// expect: a message that is asked needs a member convoy::completion<T> answer
#include <convoy/convoy.hpp>

int main() {
  convoy::runtime rt;
  using processor = convoy::processor<int, int>;
  processor p{rt, [](processor::context& c, int&) -> convoy::task {
                (void)co_await c.owner().ask(c, 2, 3);
              }};
}
