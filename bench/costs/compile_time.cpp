#include "costs/compile_time.hpp"

#include "harness/run.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace bench {
namespace {

struct source_file {
  const char* library;
  const char* what;
  const char* text;
};

constexpr source_file sources[] = {
    {"nothing", "include", "int main() {}\n"},
    {"convoy", "include", "#include <convoy/convoy.hpp>\nint main() {}\n"},
    {"convoy", "processor",
     "#include <convoy/convoy.hpp>\n"
     "int main() {\n"
     "  convoy::runtime rt;\n"
     "  convoy::processor<int, int> p{rt, [](int&) {}};\n"
     "  return static_cast<int>(p.submit(1, 2));\n"
     "}\n"},
#ifdef CONVOY_BENCH_ASIO
    {"asio_strand", "include",
     "#include <boost/asio/post.hpp>\n#include <boost/asio/strand.hpp>\n"
     "#include <boost/asio/thread_pool.hpp>\nint main() {}\n"},
    {"asio_strand", "strand",
     "#include <boost/asio/post.hpp>\n#include <boost/asio/strand.hpp>\n"
     "#include <boost/asio/thread_pool.hpp>\n"
     "int main() {\n"
     "  boost::asio::thread_pool pool;\n"
     "  auto strand = boost::asio::make_strand(pool.get_executor());\n"
     "  boost::asio::post(strand, [] {});\n"
     "}\n"},
#endif
#ifdef CONVOY_BENCH_TBB
    {"tbb_function_node", "include", "#include <oneapi/tbb/flow_graph.h>\nint main() {}\n"},
#endif
#ifdef CONVOY_BENCH_CAF
    {"caf_actor", "include", "#include <caf/all.hpp>\nint main() {}\n"},
#endif
};

/// A file of our own in the directory for temporary ones.
class scratch {
public:
  explicit scratch(const char* text)
      : path_(std::filesystem::temp_directory_path() /
              ("convoy_bench_" + std::to_string(getpid()) + ".cpp")) {
    std::ofstream(path_) << text;
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

void compile(benchmark::State& state, const source_file& source) {
  const scratch file(source.text);
  const bool smoke = sized(load{}).messages < 1'000'000;
  const auto command = std::string(CONVOY_BENCH_COMPILER) + " -std=c++20 " +
                       (smoke ? "-fsyntax-only" : "-O2 -c -o /dev/null") +
                       " -I " CONVOY_BENCH_INCLUDE " " + file.path().string();
  for (auto _ : state) {
    const auto begin = clock::now();
    if (std::system(command.c_str()) != 0) // NOLINT: the compiler that built this
      return fail(state, "the compiler failed");
    state.SetIterationTime(seconds(clock::now() - begin).count());
  }
}

} // namespace

void add_compile_times() {
  for (const auto& source : sources)
    add("compile_time", source.library, source.what,
        [&source](benchmark::State& state) { compile(state, source); });
}

} // namespace bench
