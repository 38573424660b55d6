#pragma once

// The files of the page, as they were when the program was built; see report/page/.

#include <string_view>

namespace convoy::tool::page_parts {

[[nodiscard]] std::string_view html(); ///< the template, with places for the others
[[nodiscard]] std::string_view css();
[[nodiscard]] std::string_view parts_js();
[[nodiscard]] std::string_view charts_js();
[[nodiscard]] std::string_view chart_js(); ///< the library; empty where it was not found

} // namespace convoy::tool::page_parts
