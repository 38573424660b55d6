#include "input/json_line.hpp"

#include "input/trace.hpp"
#include "text/parse.hpp"
#include "text/utf8.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace convoy::tool {
namespace {

using json = nlohmann::json;

/// Collects fields as the parser finds them. It does not recurse, and so neither does this.
class collector : public nlohmann::json_sax<json> {
public:
  explicit collector(std::vector<json_line::field>& fields) : fields_{fields} {}

  [[nodiscard]] const std::string& failure() const { return failure_; }

  bool null() override { return add(json_line::kind::null); }
  bool boolean(bool) override { return add(json_line::kind::boolean); }
  bool number_integer(number_integer_t value) override {
    // Given for what starts with a minus, "-0" included.
    return add(json_line::kind::number, value == 0 ? "-0" : std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return add(json_line::kind::number, std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& text) override {
    return add(json_line::kind::number, text);
  }
  bool string(string_t& text) override { return add(json_line::kind::string, std::move(text)); }
  bool binary(binary_t&) override { return false; } // there is none in text
  bool start_object(std::size_t) override { return start(json_line::kind::object); }
  bool end_object() override { return end(); }
  bool start_array(std::size_t) override { return start(json_line::kind::array); }
  bool end_array() override { return end(); }
  bool key(string_t& name) override {
    name_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string& token,
                   const json::exception& error) override {
    constexpr int number_overflow = 406;
    if (error.id == number_overflow)
      failure_ = "the number " + in_quotes(token) + " is too large";
    else
      failure_ = "the line is not a JSON object; its character " + std::to_string(position) +
                 " is not what must come there";
    return false;
  }

private:
  bool add(json_line::kind what, std::string text = {}) {
    if (array_depth_ == 0)
      fields_.push_back(
          {open_.empty() ? 0 : open_.back(), std::move(name_), what, std::move(text)});
    else if (array_depth_ == 1 && fields_.size() - array_ <= json_line::most_elements)
      fields_.push_back({array_, {}, what, std::move(text)});
    return true;
  }

  bool start(json_line::kind what) {
    add(what);
    if (array_depth_ == 0)
      array_ = fields_.size() - 1;
    if (array_depth_ > 0 || what == json_line::kind::array)
      ++array_depth_;
    else
      open_.push_back(fields_.size() - 1);
    return true;
  }

  bool end() {
    if (array_depth_ > 0)
      --array_depth_;
    else
      open_.pop_back();
    return true;
  }

  std::vector<json_line::field>& fields_;
  std::vector<std::size_t> open_; ///< objects around what comes next
  std::size_t array_depth_ = 0;   ///< of arrays and what is in them
  std::size_t array_ = 0;         ///< the outermost of these
  std::string name_;
  std::string failure_;
};

} // namespace

void json_line::parse(std::string_view line) {
  fields_.clear();
  const std::size_t valid = valid_utf8(line);
  if (valid < line.size())
    throw input_error("the line is not UTF-8, by its byte " + std::to_string(valid + 1) +
                      "; convert the file, as in: iconv -f LATIN1 -t UTF-8 FILE");
  collector found{fields_};
  if (!json::sax_parse(line, &found))
    throw input_error(found.failure());
  if (fields_.front().what != kind::object)
    throw input_error("the line is not a JSON object; write one on each line, as jq -c does");
}

std::span<const json_line::field> json_line::elements(const field& array) const noexcept {
  const auto index = static_cast<std::size_t>(&array - fields_.data());
  const auto first = fields_.begin() + static_cast<std::ptrdiff_t>(index) + 1;
  return {first, std::find_if(first, fields_.end(), [&](const field& f) { return f.in != index; })};
}

const json_line::field* json_line::find_here(std::string_view name, std::size_t in) const {
  const field* found = nullptr;
  for (std::size_t i = 1; i < fields_.size(); ++i) {
    if (fields_[i].in != in || fields_[i].name != name)
      continue;
    if (found != nullptr)
      throw input_error("the object has the field " + in_quotes(name) + " twice; keep one");
    found = &fields_[i];
  }
  return found;
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the name has dots
const json_line::field* json_line::find(std::string_view name, std::size_t in) const {
  if (const field* const here = find_here(name, in))
    return here;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos;
       dot = name.find('.', dot + 1)) {
    const field* const inner = find_here(name.substr(0, dot), in);
    if (inner == nullptr || inner->what != kind::object)
      continue;
    const auto index = static_cast<std::size_t>(inner - fields_.data());
    if (const field* const found = find(name.substr(dot + 1), index))
      return found;
  }
  return nullptr;
}

} // namespace convoy::tool
