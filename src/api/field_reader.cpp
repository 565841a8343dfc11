#include "api/field_reader.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <limits>
#include <utility>

#include "base/json.h"

namespace atelier::api {

FieldReader::FieldReader(const boost::json::object& object, std::string where)
    : object_(object), where_(std::move(where)) {}

std::optional<double> FieldReader::number(std::string_view name, Range range) {
  const boost::json::value* field = find({.name = name, .kind = Field::Kind::kNumber, .range = range});
  if (field == nullptr) return std::nullopt;
  const double got = field->is_number() ? field->to_number<double>() : std::nan("");
  const bool fits = (range.above ? got > range.least : got >= range.least) && got <= range.most;
  if (fits) return got;
  refuse(Fault::kBadRequest, name,
         fmt::format("{}{} must be a number {} {} and at most {}, got {}", where_, name,
                     range.above ? "above" : "of at least", range.least, range.most, describe(*field)));
  return std::nullopt;
}

std::optional<std::int64_t> FieldReader::integer(std::string_view name, std::int64_t least,
                                                 std::int64_t most) {
  const boost::json::value* field =
      find({.name = name, .kind = Field::Kind::kInteger, .least = least, .most = most});
  if (field == nullptr) return std::nullopt;
  const auto got = whole_number(*field);
  if (got && *got >= least && *got <= most) return got;
  refuse(Fault::kBadRequest, name,
         fmt::format("{}{} must be an integer of at least {} and at most {}, got {}", where_, name, least,
                     most, describe(*field)));
  return std::nullopt;
}

std::optional<bool> FieldReader::boolean(std::string_view name) {
  const boost::json::value* field = find({.name = name, .kind = Field::Kind::kBoolean});
  if (field == nullptr) return std::nullopt;
  if (const bool* got = field->if_bool()) return *got;
  refuse(Fault::kBadRequest, name,
         fmt::format("{}{} must be true or false, got {}", where_, name, describe(*field)));
  return std::nullopt;
}

std::optional<std::string> FieldReader::string(std::string_view name) {
  const boost::json::value* field = find({.name = name, .kind = Field::Kind::kString});
  if (field == nullptr) return std::nullopt;
  if (const auto* got = field->if_string()) return std::string(*got);
  refuse(Fault::kBadRequest, name,
         fmt::format("{}{} must be a string, got {}", where_, name, describe(*field)));
  return std::nullopt;
}

const boost::json::array* FieldReader::array(std::string_view name) {
  const boost::json::value* field = find({.name = name, .kind = Field::Kind::kArray});
  if (field == nullptr) return nullptr;
  if (const auto* got = field->if_array()) return got;
  refuse(Fault::kBadRequest, name,
         fmt::format("{}{} must be a list, got {}", where_, name, describe(*field)));
  return nullptr;
}

const boost::json::object* FieldReader::object(std::string_view name) {
  const boost::json::value* field = find({.name = name, .kind = Field::Kind::kObject});
  if (field == nullptr) return nullptr;
  if (const auto* got = field->if_object()) return got;
  refuse(Fault::kBadRequest, name,
         fmt::format("{}{} must be an object, got {}", where_, name, describe(*field)));
  return nullptr;
}

const boost::json::value* FieldReader::value(std::string_view name) {
  return find({.name = name});
}

const boost::json::value* FieldReader::find(const Field& field) {
  asked_.push_back(field);
  const boost::json::value* found = object_.if_contains(field.name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

void FieldReader::refuse(Fault fault, std::string_view name, std::string message) {
  if (!failure_) failure_ = Failure{fault, std::move(message), where_ + std::string(name)};
}

Status FieldReader::status() const {
  return failure_ ? Status(std::unexpected(*failure_)) : Status();
}

std::vector<std::string> FieldReader::unread() const {
  std::vector<std::string> names;
  for (const auto& member : object_) {
    const std::string_view name = member.key();
    if (std::ranges::find(asked_, name, &Field::name) == asked_.end()) names.emplace_back(name);
  }
  return names;
}

Result<boost::json::object> parse_object(std::string_view body) {
  ATELIER_TRY(boost::json::value json, parse_json(body));
  if (!json.is_object())
    return fail(Fault::kBadRequest, "the body must be a JSON object, got {}", describe(json));
  return std::move(json.get_object());
}

Result<std::vector<std::int32_t>> read_token_ids(std::string_view name, const boost::json::array& list) {
  std::vector<std::int32_t> ids;
  ids.reserve(list.size());
  for (const auto& value : list) {
    const auto id = whole_number(value);
    if (!id || *id < 0 || *id > std::numeric_limits<std::int32_t>::max())
      return fail_param(Fault::kBadRequest, std::string(name),
                        fmt::format("{} must hold token ids, got {}", name, describe(value)));
    ids.push_back(static_cast<std::int32_t>(*id));
  }
  return ids;
}

std::optional<std::int64_t> whole_number(const boost::json::value& value) {
  if (const auto* number = value.if_int64()) return *number;
  if (value.is_uint64()) return std::nullopt;  // over 2^63
  const double* number = value.if_double();
  constexpr double kExact = 9007199254740992.0;  // 2^53: beyond, a double is not one integer
  if (number == nullptr || !(std::fabs(*number) <= kExact) || std::trunc(*number) != *number) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*number);
}

std::string describe(const boost::json::value& value) {
  constexpr std::size_t kShown = 40;
  if (value.is_null()) return "null";
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string() && value.get_string().size() > kShown) return "a long string";
  return boost::json::serialize(value);
}

}  // namespace atelier::api
