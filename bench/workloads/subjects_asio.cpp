#include "peers/asio.hpp"
#include "workloads/feeding.hpp"
#include "workloads/latency.hpp"
#include "workloads/subjects.hpp"
#include "workloads/throughput.hpp"

namespace bench {

void add_asio() {
  const traits t{.name = "asio_strand", .slow = true, .bytes_per_key = 512};
  const throughput<asio_strand> strands(t);
  strands.base();
  strands.costs();
  strands.producers();
  strands.sizes();
  strands.text_keys();
  strands.preload();
  add_feeding<asio_strand>(t);
  add_latency<asio_strand>(t);
}

} // namespace bench
