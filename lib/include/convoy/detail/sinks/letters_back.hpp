#pragma once

// Dead letters of a key that go back to a processor: those of joint messages to all of their keys.

#include "convoy/status.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <list>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace convoy::detail {

template <class Key>
[[nodiscard]] std::vector<Key> copied(std::span<const Key* const> keys) {
  std::vector<Key> all;
  all.reserve(keys.size());
  for (const Key* each : keys)
    all.push_back(*each);
  return all;
}

template <class Processor, class Key, class Message>
[[nodiscard]] submit_status send_joint_back(Processor& to, const std::vector<Key>& keys,
                                            Message& message) {
  const std::span<const Key> all(keys);
  if constexpr (requires { to.resubmit_joint(all, std::move(message)); })
    return to.resubmit_joint(all, std::move(message));
  else
    throw std::logic_error(
        "convoy: the dead letter is one of a joint message, and what it is to go "
        "back to has no resubmit_joint()");
}

/// Letters between joint ones go together. Throws a bulk_interrupted if some were accepted before.
template <class Processor, class Key, class Entry, class Message>
[[nodiscard]] bulk_result send_back(Processor& to, const Key& key, const std::list<Entry>& letters,
                                    std::span<Message> messages, place where) {
  const auto is_joint = [](const Entry& letter) { return !letter.keys.empty(); };
  if (std::none_of(letters.begin(), letters.end(), is_joint))
    return to.resubmit(key, messages, where);
  if (where == place::before)
    throw std::invalid_argument("convoy::dead_letter_store::redrive: the key has letters of joint "
                                "messages, which can only be put behind what waits");
  bulk_result result;
  auto& [accepted, status] = result;
  try {
    try {
      for (auto at = letters.begin(); at != letters.end() && status == submit_status::accepted;) {
        if (is_joint(*at)) {
          status = send_joint_back(to, at->keys, messages[accepted]);
          accepted += status == submit_status::accepted ? 1 : 0;
          ++at;
          continue;
        }
        const auto end = std::find_if(at, letters.end(), is_joint);
        const auto count = static_cast<std::size_t>(std::distance(at, end));
        const auto some = to.resubmit(key, messages.subspan(accepted, count), where);
        accepted += some.accepted;
        status = some.status;
        at = end;
      }
    } catch (const bulk_interrupted& after) {
      accepted += after.accepted();
      if (after.nested_ptr() != nullptr)
        after.rethrow_nested();
      throw;
    }
  } catch (...) {
    rethrow_after(accepted);
  }
  return result;
}

} // namespace convoy::detail
