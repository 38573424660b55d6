// expect: the handler must return void, convoy::outcome or a convoy::task
#include <convoy/convoy.hpp>
#include <future>

int main() {
  using processor = convoy::processor<int, int>;
  convoy::runtime rt;
  processor p{rt, [](processor::context&, int&) { return std::future<void>(); }};
}
