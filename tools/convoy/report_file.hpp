#pragma once

#include <string>

namespace convoy::tool {

/// Makes `text` the contents of the file `path`, all of it or not at all: a file that was there
/// stays as it was until the new one is complete. A device, a pipe or a socket is written to.
/// Links are followed, also to where nothing is yet. Throws std::system_error that names the path.
void write_file(const std::string& path, const std::string& text);

/// Throws what write_file would, where that is known beforehand. Changes nothing.
void check_writable(const std::string& path);

} // namespace convoy::tool
