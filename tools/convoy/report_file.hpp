#pragma once

#include <string>

namespace convoy::tool {

/// Makes `text` the contents of the file `path`, all of it or not at all: a file that was there
/// stays as it was until the new one is complete. A device, a pipe or a socket is written to.
/// Throws std::system_error that names the path.
void write_file(const std::string& path, const std::string& text);

} // namespace convoy::tool
