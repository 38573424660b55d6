#pragma once

#include <string>

namespace convoy::effects {

/// Draws the plots of a JSON file into a directory, which is created: runs effects_plots.py. Where
/// Python or its matplotlib is missing, that is said in a line on stderr, and there are no plots.
/// Throws std::runtime_error where something else went wrong.
void draw_plots(const std::string& json_file, const std::string& directory);

} // namespace convoy::effects
