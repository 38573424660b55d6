// A stranger's library: it builds and runs with what is installed, or with the source tree as a
// subdirectory.

#include "numbers.hpp"

#include <convoy/convoy.hpp>
#include <convoy/version.hpp>
#include <cstdio>
#include <string_view>

#define AS_TEXT(number) #number
#define TEXT_OF(number) AS_TEXT(number)

// The headers are of the version that was looked for.
static_assert(std::string_view{CONVOY_VERSION} == PACKAGE_VERSION);
static_assert(std::string_view{CONVOY_VERSION} ==
              TEXT_OF(CONVOY_VERSION_MAJOR.CONVOY_VERSION_MINOR.CONVOY_VERSION_PATCH));

int numbers() {
  convoy::runtime rt{{.concurrency = 2}};
  int last = 0; // no lock: one key, one handler at a time
  bool in_order = true;
  convoy::processor<int, int> counted{rt, [&](int& n) {
                                        in_order = in_order && n == last + 1;
                                        last = n;
                                      }};
  for (int n = 1; n <= 10'000; ++n)
    if (counted.submit(7, n) != convoy::submit_status::accepted)
      return 1;
  counted.drain();
  std::printf("%d messages, %s\n", last, in_order ? "in order" : "out of order");
  return last == 10'000 && in_order ? 0 : 1;
}
