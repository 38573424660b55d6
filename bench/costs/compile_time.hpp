#pragma once

namespace bench {

/// Registers `compile_time/<library>/<what>`: how long the compiler takes for a file that includes
/// and uses a library, beside what it takes for one that includes nothing.
void add_compile_times();

} // namespace bench
