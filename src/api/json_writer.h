// A JsonWriter appends JSON text to a string, valid whatever the text given: control characters are escaped,
// bytes that are not UTF-8 become U+FFFD, numbers that JSON cannot say become null. The caller balances
// begin and end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace atelier::api {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return shut('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return shut(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& integer(std::int64_t value);
  JsonWriter& number(double value);
  JsonWriter& number(float value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();

  // "name": value
  JsonWriter& member(std::string_view name, std::string_view text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, std::int64_t value) { return key(name).integer(value); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& shut(char bracket);
  void separate();

  std::string& out_;
  bool comma_ = false;  // something stands before, on this level
};

// `text` between quotes, appended.
void append_json_string(std::string& out, std::string_view text);

}  // namespace atelier::api
