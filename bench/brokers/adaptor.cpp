// What the Kafka adaptor costs by itself: records from memory go the whole way from the reader to their handlers and back,
// but for librdkafka. And a watermark that the reader collects.
//
//   brokers_adaptor [RECORDS] [KEYS] [WORKERS] [BYTES]
//
// Prints records a second, of each of five runs.

#include "flying_record.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/detail/source/lanes.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace convoy::kafka;
using namespace convoy::kafka::detail;
using convoy::detail::assignment;
using convoy::detail::intake;
using convoy::detail::processor_lanes;
using clock_type = std::chrono::steady_clock;

std::unique_ptr<convoy::detail::delivery> make_flying() {
  return std::make_unique<flying_record>();
}

double run(std::uint64_t records, std::size_t keys, unsigned workers, std::size_t bytes) {
  convoy::runtime rt{{.concurrency = workers}};
  intake books({10'000, std::size_t{64} << 20, std::chrono::hours(1), convoy::blocked::report,
                [](std::string_view) {}});
  std::vector<std::string> names;
  for (std::size_t i = 0; i < keys; ++i)
    names.push_back("key-" + std::to_string(i));
  const std::string value(bytes, 'x');
  double seconds = 0;
  {
    processor_lanes<record, void> lanes(
        rt, [](record&) {}, {.capacity = std::size_t{1} << 31}, false);
    assignment& home = books.open("orders[0]", 0, {}, &make_flying);
    const auto begun = clock_type::now();
    auto read_at = begun;
    std::uint64_t random = 88172645463325252u;
    for (std::uint64_t i = 0; i < records; ++i) {
      if (i % 256 == 0) { // as the reader does
        books.collect();
        read_at = clock_type::now();
      }
      while (!books.has_room()) {
        books.wait_for_room(clock_type::now() + std::chrono::milliseconds(20));
        read_at = clock_type::now();
      }
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      read_record from{static_cast<std::int64_t>(i), -1, names[random % keys], value, {}};
      deliver(books, home, "orders", 0, from, null_key::per_partition, read_at, lanes);
    }
    lanes.get().drain();
    books.collect();
    seconds = std::chrono::duration<double>(clock_type::now() - begun).count();
    if (home.marks().lowest() != records)
      std::abort();
  }
  return static_cast<double>(records) / seconds;
}

std::uint64_t number(int argc, char** argv, int at, std::uint64_t otherwise) {
  return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
}

} // namespace

int main(int argc, char** argv) {
  for (int i = 0; i < 5; ++i)
    std::printf("%.2f million records/s\n",
                run(number(argc, argv, 1, 5'000'000), number(argc, argv, 2, 10'000),
                    static_cast<unsigned>(number(argc, argv, 3, 2)), number(argc, argv, 4, 100)) /
                    1e6);
}
