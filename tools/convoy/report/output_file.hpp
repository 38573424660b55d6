#pragma once

#include <string>

namespace convoy::tool {

/// Makes `text` the contents of the file `path`. A file that is there is written into, so that it
/// keeps its mode, its owner and its links; room is made first, so that a full disk leaves the old
/// contents as they were. A file that could not be written whole and was not there is removed. A
/// device, a pipe or a socket is written to. Links are followed, also to where nothing is yet.
/// Throws std::system_error that names the path.
void write_file(const std::string& path, const std::string& text);

/// Throws what write_file would, where that is known beforehand. Changes nothing.
void check_writable(const std::string& path);

/// Whether the file `path` is the regular file that is open as `descriptor`.
[[nodiscard]] bool is_open_as(const std::string& path, int descriptor);

} // namespace convoy::tool
