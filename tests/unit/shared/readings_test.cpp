#include "shared/readings.hpp"

namespace convoy::detail {
template class lane_set<core_of_readings>;
template class partition<core_of_readings>;
template class maintenance<partition<core_of_readings>>;
template class submitter<core_of_readings>;
} // namespace convoy::detail
template class convoy::processor<int, reading>;
