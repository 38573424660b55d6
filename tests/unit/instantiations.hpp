#pragma once

// The processors that most tests have are instantiated in one file: a fourth of what the compiler does.

#include <convoy/convoy.hpp>
#include <string>

namespace convoy::detail {

template <class Key, class Message, class State = void>
using core_of_tests = core<Key, Message, State, std::hash<Key>, std::equal_to<Key>>;

} // namespace convoy::detail

/// Of `convoy::processor<…>`, and of what it consists of.
#define CONVOY_INSTANTIATE(how, ...)                                                               \
  how class convoy::detail::lane_set<convoy::detail::core_of_tests<__VA_ARGS__>>;                  \
  how class convoy::detail::partition<convoy::detail::core_of_tests<__VA_ARGS__>>;                 \
  how class convoy::detail::maintenance<                                                           \
      convoy::detail::partition<convoy::detail::core_of_tests<__VA_ARGS__>>>;                      \
  how class convoy::detail::submitter<convoy::detail::core_of_tests<__VA_ARGS__>>;                 \
  how class convoy::processor<__VA_ARGS__>

CONVOY_INSTANTIATE(extern template, int, int);
CONVOY_INSTANTIATE(extern template, int, int, int);
CONVOY_INSTANTIATE(extern template, std::string, int);
