#pragma once

#include "convoy/detail/shared/core.hpp"

#include <cstddef>
#include <type_traits>

namespace convoy::detail {

/// What a processor asks of its types, told one by one.
template <class Key, class Message, class Hash, class Equal>
struct requirements {
  static_assert(std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_destructible_v<Key>,
                "convoy: a key must be nothrow move constructible: it moves into its lane where "
                "nobody could catch");
  static_assert(std::is_nothrow_move_constructible_v<Message> &&
                    std::is_nothrow_destructible_v<Message>,
                "convoy: a message must be nothrow move constructible: it moves into its lane "
                "where nobody could catch; wrap it in a std::unique_ptr");
  static_assert(std::is_invocable_r_v<std::size_t, const Hash&, const Key&>,
                "convoy: the key needs a hash: specialise std::hash or name one as processor's "
                "fourth parameter");
  static_assert(detail::equality<Equal, Key>,
                "convoy: the key needs operator== or an equality as processor's fifth parameter");
};

} // namespace convoy::detail
