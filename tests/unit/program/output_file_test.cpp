// That a file is the old one or the whole new one, whatever happens meanwhile.

#include "report/output_file.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace convoy::tool {
namespace {

namespace fs = std::filesystem;

class output_file : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "convoy-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    const int nameless = open(pattern.c_str(), O_TMPFILE | O_WRONLY, 0600);
    if (nameless < 0)
      GTEST_SKIP() << "this file system writes in place: it has no files without a name";
    close(nameless);
  }
  void TearDown() override { fs::remove_all(directory_); }

  [[nodiscard]] fs::path path() const { return directory_ / "file"; }

  [[nodiscard]] std::string content() const {
    std::ifstream file{path()};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  /// Ends the process when a hundred bytes are written.
  void die_while_writing() const {
    std::signal(SIGXFSZ, SIG_DFL);
    const rlimit little{100, 100};
    setrlimit(RLIMIT_FSIZE, &little);
    write_file(path().string(), std::string(1000, 'x'));
  }

private:
  fs::path directory_;
};

TEST_F(output_file, leaves_nothing_where_the_program_is_killed) {
  EXPECT_EXIT(die_while_writing(), testing::KilledBySignal(SIGXFSZ), "");
  EXPECT_TRUE(fs::is_empty(path().parent_path()));
}

TEST_F(output_file, leaves_the_old_contents_where_the_program_is_killed) {
  std::ofstream{path()} << "old";
  EXPECT_EXIT(die_while_writing(), testing::KilledBySignal(SIGXFSZ), "");
  EXPECT_EQ(content(), "old");
}

TEST_F(output_file, takes_the_place_of_the_old_one_at_once) {
  std::ofstream{path()} << "old";
  std::ifstream before{path()};
  write_file(path().string(), "new");
  EXPECT_EQ(content(), "new");
  EXPECT_EQ((std::string{std::istreambuf_iterator<char>{before}, {}}), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator{path().parent_path()}, {}), 1);
}

} // namespace
} // namespace convoy::tool
