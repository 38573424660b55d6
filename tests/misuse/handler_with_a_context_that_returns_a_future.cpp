// expect: the handler must return void or convoy::outcome
#include <convoy/convoy.hpp>
#include <future>

int main() {
  using processor = convoy::processor<int, int>;
  convoy::runtime rt;
  processor p{rt, [](processor::context&, int&) { return std::future<void>(); }};
}
