#include "convoy/detail/source/source_options.hpp"

#include "convoy/watermark.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdio>

namespace convoy::detail {

void must_be_set(const source_names& of, const char* what, bool is_set) {
  if (!is_set)
    refuse(std::string(of.component) + ": " + what, "set", "empty");
}

void source_options::check(const source_names& of) const {
  const auto named = [&](const std::string& option) {
    return std::string(of.component) + ": " + option;
  };
  if (in_flight.records == 0 || in_flight.records > watermark::most)
    refuse(named("in_flight.records"), "1 to " + std::to_string(watermark::most),
           std::to_string(in_flight.records));
  if (in_flight.bytes == 0)
    refuse(named("in_flight.bytes"), "at least 1", "0");
  more_than_zero(named("commit.every").c_str(), commit.every);
  not_negative(named(std::string(of.at_end) + ".finish").c_str(), at_end.finish);
  more_than_zero(named("blocked.after").c_str(), blocked.after);
  more_than_zero(named("connect").c_str(), connect);
}

void source_options::report_to_somebody(const source_names& of) {
  if (!report)
    report = to_stderr(of.component);
}

std::function<void(std::string_view)> to_stderr(const char* component) {
  return [component](std::string_view what) {
    std::fprintf(stderr, "%s: %.*s\n", component, static_cast<int>(what.size()), what.data());
  };
}

void check_schemes(const source_names& of, const char* option, const char* form,
                   const std::string& addresses, const std::vector<std::string_view>& known) {
  const auto is_of_a_name = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  const auto same = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = addresses.find(',', begin);
    std::string_view each = std::string_view(addresses).substr(begin, end - begin);
    each.remove_prefix(std::min(each.find_first_not_of(' '), each.size()));
    const auto name = each.substr(0, each.find("://"));
    if (name.size() == each.size() || !std::all_of(name.begin(), name.end(), is_of_a_name))
      continue; // it may be a password's
    if (std::none_of(known.begin(), known.end(), [&](std::string_view one) {
          return std::equal(name.begin(), name.end(), one.begin(), one.end(), same);
        }))
      throw std::invalid_argument(std::string(of.component) + ": " + option + " must be " + form +
                                  ", with commas between several, without " + std::string(name) +
                                  "://");
  }
}

void check_dead_letters(const source_names& of, bool users, bool at_broker, blocked then) {
  const std::string places =
      std::string("dead_letters or ") + (users && at_broker ? "to " : "") + of.dead_letters;
  if (users && at_broker)
    throw std::invalid_argument(std::string(of.component) + ": dead letters go to " + places +
                                ", and both are set: leave one of them out");
  if (then == blocked::dead_letter && !users && !at_broker)
    throw std::invalid_argument(
        std::string(of.component) +
        ": blocked.then is dead_letter, and there is no place for one: set " + places);
}

} // namespace convoy::detail
