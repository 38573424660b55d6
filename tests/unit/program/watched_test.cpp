// A run with --socket.

#include "load/workload.hpp"
#include "replay/replay.hpp"
#include "strategies/watched.hpp"
#include "text/input_error.hpp"

#include <convoy/convoy.hpp>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace convoy::tool {
namespace {

class watched_test : public testing::Test {
protected:
  ~watched_test() override { ::unlink(path.c_str()); }

  [[nodiscard]] bool is_there() const { return ::access(path.c_str(), F_OK) == 0; }

  const std::string path = testing::TempDir() + "convoy_watched_" + std::to_string(::getpid());
};

TEST_F(watched_test, is_refused_before_it_runs) {
  std::ofstream(path) << "taken";
  EXPECT_THROW(check_socket(path), input_error);
  EXPECT_THROW(check_socket(""), input_error);
}

TEST_F(watched_test, runs_unwatched_if_the_place_was_taken_meanwhile) {
  std::ofstream(path) << "taken";
  workload load;
  load.keys = {"k"};
  load.messages.resize(10);
  testing::internal::CaptureStderr();
  const run seen = replay(load, strategy::lanes, {.socket = path});
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(seen.records.size(), 10u);
  EXPECT_TRUE(said.starts_with("convoy: --socket: ")) << said;
  EXPECT_NE(said.find(path), std::string::npos) << said;
  EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
}

TEST_F(watched_test, removes_its_socket_if_the_program_is_interrupted) {
  runtime rt{{.concurrency = 1}};
  const watched_door door{rt, path};
  ASSERT_TRUE(is_there());
  watched_door::remove_from_signal_handler();
  EXPECT_FALSE(is_there());
  std::ofstream(path) << "another one's";
  watched_door::remove_from_signal_handler();
  EXPECT_TRUE(is_there());
}

} // namespace
} // namespace convoy::tool
