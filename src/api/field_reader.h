// A FieldReader takes the fields of one JSON object by name, type and range. The first field that cannot be
// is remembered and named; null counts as absent.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace atelier::api {

struct Range {
  double least, most;
  bool above = false;  // `least` itself is out
};

// A field that a reader was asked for: its name (a literal) and what may stand there. The fields that a
// parser asks for are its request's schema (request_schema).
struct Field {
  enum class Kind { kAny, kNumber, kInteger, kBoolean, kString, kArray, kObject };
  std::string_view name;
  Kind kind = Kind::kAny;
  Range range = {};                  // kNumber
  std::int64_t least = 0, most = 0;  // kInteger
};

class FieldReader {
 public:
  // `object` must outlive the reader. `where` names it in messages: "stream_options." or "".
  explicit FieldReader(const boost::json::object& object, std::string where = "");

  // nullopt: absent, null, or refused (status() says why). Strings and booleans are not numbers; 5.0 is an
  // integer.
  std::optional<double> number(std::string_view name, Range range);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::string> string(std::string_view name);
  const boost::json::array* array(std::string_view name);
  const boost::json::object* object(std::string_view name);
  const boost::json::value* value(std::string_view name);  // of any type; nullptr: absent or null

  void refuse(Fault fault, std::string_view name, std::string message);
  Status status() const;

  // Names in the object that nobody has asked for.
  std::vector<std::string> unread() const;
  // What has been asked for, in order; a name may come twice.
  std::span<const Field> asked() const { return asked_; }

 private:
  const boost::json::value* find(const Field& field);

  const boost::json::object& object_;
  std::string where_;
  std::vector<Field> asked_;
  std::optional<Failure> failure_;
};

// The JSON object that `body` is. kBadRequest: no JSON, or another value.
Result<boost::json::object> parse_object(std::string_view body);

// What `read` makes of the body's fields. kBadRequest: the body is no JSON object, and whatever `read`
// refuses.
template <class Read>
auto parse_with(std::string_view body, const Read& read) -> decltype(read(std::declval<FieldReader&>())) {
  ATELIER_TRY(const boost::json::object object, parse_object(body));
  FieldReader reader(object);
  return read(reader);
}

// A list of token ids, none negative; `name` is the field's.
Result<std::vector<std::int32_t>> read_token_ids(std::string_view name, const boost::json::array& list);

// 5, 5.0 and nothing else that JSON has.
std::optional<std::int64_t> whole_number(const boost::json::value& value);

// "a string", "null", "-1": what a message says that it got; at most 40 bytes of it.
std::string describe(const boost::json::value& value);

}  // namespace atelier::api
