#pragma once

// Each family of subjects registers its benchmarks from a source file of its own: a package that is
// missing takes one file away.

namespace bench {

void add_convoy();
void add_mutex();
void add_shards();
void add_asio();
void add_tbb();
void add_caf();

} // namespace bench
