#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace convoy::test {

/// A directory with nothing in it, for as long as it lives.
class file_directory {
public:
  file_directory() {
    if (mkdtemp(path_.data()) == nullptr)
      std::abort();
  }
  ~file_directory() { std::filesystem::remove_all(path_); }
  file_directory(const file_directory&) = delete;
  file_directory& operator=(const file_directory&) = delete;

  /// The path of a file there, with this content if there is some.
  [[nodiscard]] std::string file(const std::string& content = {},
                                 const std::string& name = "dead.jsonl") const {
    auto path = path_ + "/" + name;
    if (!content.empty())
      std::ofstream(path, std::ios::binary) << content;
    return path;
  }

private:
  std::string path_ = "/tmp/convoy_dead_letters_XXXXXX";
};

inline std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace convoy::test
