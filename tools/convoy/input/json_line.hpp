#pragma once

// One JSON object, with its numbers as they are written.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// The fields of an object and of the objects in it. Of what an array holds the first few elements are
/// kept, as fields of it without a name, and nothing that is in them.
class json_line {
public:
  enum class kind : std::uint8_t { null, number, string, boolean, array, object };

  static constexpr std::size_t most_elements = 17; ///< of an array, that are kept

  struct field {
    std::size_t in; ///< index of the object or array that holds it
    std::string name;
    kind what;
    std::string text; ///< of a number, as it is written; of a string, without escapes
  };

  /// Throws input_error where the line is no JSON object; what it says fits behind "file:line: ".
  void parse(std::string_view line);

  /// The field of that name, "user.id" with its dot if there is one, else id in the object user.
  /// Null where there is neither. Throws input_error where an object has the field twice.
  [[nodiscard]] const field* find(std::string_view name) const { return find(name, 0); }

  /// What is kept of the elements of an array, one after the other.
  [[nodiscard]] std::span<const field> elements(const field& array) const noexcept;

  /// All fields; [0] is the object itself.
  [[nodiscard]] const std::vector<field>& fields() const noexcept { return fields_; }

private:
  [[nodiscard]] const field* find(std::string_view name, std::size_t in) const;
  [[nodiscard]] const field* find_here(std::string_view name, std::size_t in) const;

  std::vector<field> fields_;
};

} // namespace convoy::tool
