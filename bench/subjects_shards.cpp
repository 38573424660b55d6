#include "peers_shards.hpp"
#include "subjects.hpp"
#include "throughput.hpp"

namespace bench {

void add_shards() {
  const throughput<static_shards_blocking> blocking({.name = "static_shards_blocking"});
  const throughput<static_shards_spinning> spinning({.name = "static_shards_spinning"});
  blocking.base();
  spinning.base();
  blocking.costs();
  spinning.costs();
  blocking.producers();
  spinning.producers();
  blocking.sizes();
  spinning.sizes();
  blocking.text_keys();
  spinning.text_keys();
  blocking.preload();
  spinning.preload();

  throughput<single_queue>({.name = "single_queue"}).base();
}

} // namespace bench
