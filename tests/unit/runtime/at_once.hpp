#pragma once

#include "gate.hpp"

#include <convoy/convoy.hpp>
#include <cstddef>
#include <gtest/gtest.h>

/// Runs `keys` handlers that all wait for each other.
inline void expect_so_many_at_once(convoy::runtime& rt, std::size_t keys) {
  gate held;
  convoy::processor<std::size_t, int> p{rt, [&](int&) { held.pass(); }};
  for (std::size_t key = 0; key < keys; ++key)
    ASSERT_EQ(p.submit(key, 0), convoy::submit_status::accepted);
  held.await_visitors(keys);
  held.open();
}
