#pragma once

#include <string>

namespace convoy::tool {

/// Makes `text` the contents of the file `path`, which is the old one until it is the whole new one,
/// whatever ends the program; it keeps its mode. A file with more than one name, with another owner
/// or with attributes is written into, so that it keeps them, and so is every one where the file
/// system has no files without a name; room is made first, so that a full disk leaves the old
/// contents as they were. A file that could not be written whole and was not there is removed. A
/// device, a pipe or a socket is written to. Links are followed, also to where nothing is yet.
/// Throws std::system_error that names the path.
void write_file(const std::string& path, const std::string& text);

/// Throws what write_file would, where that is known beforehand. Changes nothing.
void check_writable(const std::string& path);

/// Whether `path` is the file, pipe or terminal that is open as `descriptor`.
[[nodiscard]] bool is_open_as(const std::string& path, int descriptor);

/// Whether both paths name one file, also where there is nothing yet.
[[nodiscard]] bool is_same_place(const std::string& a, const std::string& b);

} // namespace convoy::tool
