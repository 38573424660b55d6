#pragma once

// The processor that most tests have is instantiated in one file: a fifth of what the compiler does.

#include <convoy/convoy.hpp>

namespace convoy::detail {

using core_of_tests = core<int, int, void, std::hash<int>, std::equal_to<int>>;
extern template class lane_set<core_of_tests>;
extern template class partition<core_of_tests>;
extern template class maintenance<partition<core_of_tests>>;
extern template class submitter<core_of_tests>;

} // namespace convoy::detail
extern template class convoy::processor<int, int>;
