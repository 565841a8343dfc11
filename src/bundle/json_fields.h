// Typed look-ups in a JSON object from a model's folder: nullptr or nullopt where the field is absent, null
// or of another type.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace atelier::bundle {

inline const boost::json::object* object_field(const boost::json::object& object, std::string_view name) {
  const boost::json::value* found = object.if_contains(name);
  return found == nullptr ? nullptr : found->if_object();
}

inline const boost::json::array* array_field(const boost::json::object& object, std::string_view name) {
  const boost::json::value* found = object.if_contains(name);
  return found == nullptr ? nullptr : found->if_array();
}

inline const boost::json::string* string_field(const boost::json::object& object, std::string_view name) {
  const boost::json::value* found = object.if_contains(name);
  return found == nullptr ? nullptr : found->if_string();
}

inline std::optional<bool> bool_field(const boost::json::object& object, std::string_view name) {
  const boost::json::value* found = object.if_contains(name);
  const bool* truth = found == nullptr ? nullptr : found->if_bool();
  return truth == nullptr ? std::nullopt : std::optional(*truth);
}

inline std::optional<std::int64_t> integer(const boost::json::value& value) {
  const std::int64_t* number = value.if_int64();
  return number == nullptr ? std::nullopt : std::optional(*number);
}

inline std::optional<double> number_field(const boost::json::object& object, std::string_view name) {
  const boost::json::value* found = object.if_contains(name);
  if (found == nullptr) return std::nullopt;
  if (const double* real = found->if_double()) return *real;
  const auto whole = integer(*found);
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

}  // namespace atelier::bundle
