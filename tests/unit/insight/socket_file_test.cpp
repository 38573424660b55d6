#include "gate.hpp"
#include "insight/socket_client.hpp"

#include <atomic>
#include <barrier>
#include <cerrno>
#include <convoy/convoy.hpp>
#include <convoy/insight/socket.hpp>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

// The file of a runtime's socket: who may open it, and whose it is.

namespace {

using convoy::insight_socket;
using convoy::runtime;

class socket_file_test : public testing::Test {
protected:
  socket_file_test() : umask_before_(::umask(0)) { ::mkdir(directory.c_str(), 0755); }
  ~socket_file_test() override {
    ::unlink(path.c_str());
    ::unlink(lock.c_str());
    ::rmdir(directory.c_str());
    ::umask(umask_before_);
  }

  /// What the constructor throws; 0: nothing.
  int refusal() {
    try {
      const insight_socket door{rt, {.path = path}};
    } catch (const std::system_error& e) {
      EXPECT_NE(std::string(e.what()).find(path), std::string::npos) << e.what();
      return e.code().value();
    }
    return 0;
  }
  static bool is_there(const std::string& file) { return ::access(file.c_str(), F_OK) == 0; }
  static unsigned mode_of(const std::string& file) {
    struct stat is {};
    return ::lstat(file.c_str(), &is) == 0 ? is.st_mode : 0;
  }

  const std::string directory = testing::TempDir() + "convoy_" + std::to_string(::getpid());
  const std::string path = directory + "/s", lock = directory + "/.s.convoy-lock";
  runtime rt{{.concurrency = 1}};

private:
  mode_t umask_before_;
};

TEST_F(socket_file_test, is_for_its_owner_and_goes_with_the_door) {
  {
    const insight_socket door{rt, {.path = path}};
    EXPECT_EQ(mode_of(path), S_IFSOCK | 0600u);
    EXPECT_TRUE(has_status(get(path, "/"), 200));
    EXPECT_FALSE(is_there(lock));
  }
  EXPECT_FALSE(is_there(path));
}

TEST_F(socket_file_test, is_at_no_time_for_others) {
  std::atomic<bool> done{false}, was_open{false};
  std::thread looks([&] {
    while (!done)
      if ((mode_of(path) & 077) != 0)
        was_open = true;
  });
  for (int i = 0; i < 300; ++i)
    const insight_socket door{rt, {.path = path}};
  done = true;
  looks.join();
  EXPECT_FALSE(was_open);
}

TEST_F(socket_file_test, replaces_what_a_dead_process_has_left) {
  {
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    ::listen(left, 1);
    EXPECT_EQ(refusal(), EADDRINUSE);
    ::close(left);
  }
  ASSERT_TRUE(is_there(path));
  const insight_socket door{rt, {.path = path}};
  EXPECT_EQ(mode_of(path), S_IFSOCK | 0600u);
  EXPECT_TRUE(has_status(get(path, "/"), 200));
}

TEST_F(socket_file_test, takes_no_place_from_another) {
  const insight_socket first{rt, {.path = path}};
  EXPECT_EQ(refusal(), EADDRINUSE);
  EXPECT_TRUE(has_status(get(path, "/"), 200));
}

TEST_F(socket_file_test, overwrites_no_file) {
  std::ofstream(path) << "precious";
  EXPECT_EQ(refusal(), EEXIST);
  std::string text;
  std::ifstream(path) >> text;
  EXPECT_EQ(text, "precious");
  ::unlink(path.c_str());
  ASSERT_EQ(::symlink("elsewhere", path.c_str()), 0);
  EXPECT_EQ(refusal(), EEXIST);
}

// Others may be able to read the directory, and no more.
TEST_F(socket_file_test, is_not_kept_out_by_a_lock_on_its_directory) {
  const int held = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(held, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(refusal(), 0);
  ::close(held);
}

TEST_F(socket_file_test, takes_a_lock_that_a_dead_process_has_left) {
  std::ofstream{lock};
  EXPECT_EQ(refusal(), 0);
  EXPECT_FALSE(is_there(lock));
}

TEST_F(socket_file_test, removes_no_lock_that_is_something_else) {
  std::ofstream(lock) << "precious";
  EXPECT_EQ(refusal(), EEXIST);
  EXPECT_TRUE(is_there(lock));
}

TEST_F(socket_file_test, replaces_what_was_left_once_however_many_come) {
  for (int round = 0; round < 50; ++round) {
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    ::close(left);
    std::optional<insight_socket> doors[4];
    std::atomic<int> opened{0};
    std::barrier together(std::ssize(doors));
    {
      std::vector<std::jthread> all;
      for (auto& door : doors)
        all.emplace_back([&] {
          together.arrive_and_wait();
          try {
            door.emplace(rt, insight_socket::options{.path = path});
            ++opened;
          } catch (const std::system_error& e) {
            EXPECT_EQ(e.code().value(), EADDRINUSE) << e.what();
          }
        });
    }
    ASSERT_EQ(opened, 1);
  }
  struct sigaction is {};
  ::sigaction(SIGPIPE, nullptr, &is);
  EXPECT_EQ(is.sa_handler, SIG_DFL);
}

TEST_F(socket_file_test, takes_no_place_from_another_kind_of_socket) {
  const int datagrams = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  path.copy(at.sun_path, sizeof at.sun_path - 1);
  ASSERT_EQ(::bind(datagrams, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  EXPECT_EQ(refusal(), EPROTOTYPE);
  EXPECT_TRUE(is_there(path));
  ::close(datagrams);
}

TEST_F(socket_file_test, refuses_paths_that_can_be_none) {
  EXPECT_THROW(insight_socket(rt, {.path = std::string(108, 'x')}), std::invalid_argument);
  EXPECT_THROW(insight_socket(rt, {.path = std::string("a\0b", 3)}), std::invalid_argument);
  EXPECT_THROW(insight_socket(rt, {.path = directory + '/'}), std::invalid_argument);
  EXPECT_THROW(insight_socket(rt, {.path = directory + "/none/s"}), std::system_error);
}

TEST_F(socket_file_test, removes_nothing_that_is_another_ones) {
  {
    const insight_socket door{rt, {.path = path}};
    ::unlink(path.c_str());
    std::ofstream(path) << "precious";
  }
  EXPECT_TRUE(is_there(path));
}

// The mode keeps others out; whoever widens it does not let them in.
TEST_F(socket_file_test, answers_no_other_user) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root can be another user";
  const insight_socket door{rt, {.path = path}};
  ::chmod(path.c_str(), 0666);
  const pid_t other = ::fork();
  if (other == 0) {
    if (::setgid(65'534) != 0 || ::setuid(65'534) != 0)
      ::_exit(2);
    client c(path);
    c.send("GET / HTTP/1.1\r\n\r\n");
    ::_exit(!c.connected() ? 3 : c.receive().empty() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(other, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(has_status(get(path, "/"), 200));
}

TEST_F(socket_file_test, leaves_sigpipe_as_it_is) {
  struct sigaction is {};
  {
    const insight_socket door{rt, {.path = path}};
    ::sigaction(SIGPIPE, nullptr, &is);
    EXPECT_EQ(is.sa_handler, SIG_DFL);
    for (int i = 0; i < 50; ++i)
      client(path).send("GET / HTTP/1.1\r\n\r\n"); // and does not wait for the answer
    EXPECT_TRUE(has_status(get(path, "/"), 200));
  }
  ::sigaction(SIGPIPE, nullptr, &is);
  EXPECT_EQ(is.sa_handler, SIG_DFL);
}

TEST_F(socket_file_test, stays_the_parents_after_fork) {
  std::optional<insight_socket> door;
  door.emplace(rt, insight_socket::options{.path = path});
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    door.reset();
    ::_exit(is_there(path) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(has_status(get(path, "/"), 200));
}

} // namespace
