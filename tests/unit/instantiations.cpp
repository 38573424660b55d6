#include "instantiations.hpp"

CONVOY_INSTANTIATE(template, int, int);
CONVOY_INSTANTIATE(template, int, int, int);
CONVOY_INSTANTIATE(template, std::string, int);
