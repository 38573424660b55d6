#include "broker/refusal.hpp"

#include "text/format.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <cstddef>

namespace convoy::tool {

std::string no_such_name(std::string_view what, std::string_view name,
                         std::vector<std::string> known) {
  constexpr std::size_t few = 10;
  std::string text = "there is no " + std::string{what} + " " + in_quotes(name);
  if (known.empty())
    return text + ", nor any other " + std::string{what} + " that this user may see";
  if (known.size() > few)
    return text + " among its " + plural(known.size(), what);
  std::ranges::sort(known);
  text += known.size() == 1 ? "; there is only " : "; there are ";
  for (const std::string& each : known)
    text.append(&each == known.data() ? "" : ", ").append(name_text(each, 100));
  return text;
}

std::string patience_text(std::chrono::milliseconds patience) {
  return number_text(static_cast<double>(patience.count()) / 1000) + " s";
}

} // namespace convoy::tool
