# Read by ctest itself: every program that a test starts inherits the suppressions.
set(ENV{TSAN_OPTIONS} "suppressions=${CMAKE_CURRENT_LIST_DIR}/tsan.supp")
