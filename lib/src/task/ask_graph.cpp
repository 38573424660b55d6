#include "convoy/detail/task/ask_graph.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace convoy::detail {
namespace {

// Not of the seam: nothing that a model looks at happens under it.
constinit std::mutex guard; // guards what follows
constinit std::array<ask_edge*, 1024> buckets{};

ask_edge*& bucket_of(const key_place& from) noexcept {
  auto mixed = from.hash ^ reinterpret_cast<std::uintptr_t>(from.core);
  mixed *= 0x9E3779B97F4A7C15; // as scatter()
  return buckets[mixed >> 54];
}

bool is_same(const key_place& a, const key_place& b) noexcept {
  return a.core == b.core && a.hash == b.hash && a.rules->equal(a.core, a.key, b.key);
}

const ask_edge* edge_from(const key_place& key) noexcept {
  for (const auto* each = bucket_of(key); each != nullptr; each = each->next)
    if (is_same(each->from, key))
      return each;
  return nullptr;
}

} // namespace

std::vector<std::string> note(ask_edge& edge) {
  const auto name = [](const key_place& of) { return of.rules->text(of.core, of.key); };
  std::vector<std::string> names;
  const std::lock_guard lock(guard);
  const auto* at = &edge.to;
  while (!is_same(*at, edge.from)) {
    const auto* const next = edge_from(*at);
    if (next == nullptr) {
      auto& bucket = bucket_of(edge.from);
      edge.next = std::exchange(bucket, &edge);
      edge.is_noted = true;
      return names;
    }
    at = &next->to;
  }
  names.push_back(name(edge.from));
  for (at = &edge.to; !is_same(*at, edge.from); at = &edge_from(*at)->to)
    names.push_back(name(*at));
  names.push_back(name(edge.from));
  return names;
}

void forget(ask_edge& edge) noexcept {
  const std::lock_guard lock(guard);
  if (!std::exchange(edge.is_noted, false))
    return;
  auto** at = &bucket_of(edge.from);
  while (*at != &edge)
    at = &(*at)->next;
  *at = edge.next;
}

} // namespace convoy::detail
