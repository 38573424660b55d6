#include "instantiations.hpp"

namespace convoy::detail {

template class lane_set<core_of_tests>;
template class partition<core_of_tests>;
template class maintenance<partition<core_of_tests>>;
template class submitter<core_of_tests>;

} // namespace convoy::detail
template class convoy::processor<int, int>;
