// json.dumps as the filter `tojson` of chat templates calls it.
#include <algorithm>
#include <cmath>

#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

class Writer {
 public:
  Writer(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style), out_(runtime) {}

  const Str* write(const Value& value) {
    append(value, 0);
    return out_.finish();
  }

 private:
  void append(const Value& value, std::size_t depth) {
    runtime_.step();
    switch (value.kind) {
      case Kind::kNone:
        return out_.append("null");
      case Kind::kBool:
        return out_.append(value.boolean ? "true" : "false");
      case Kind::kInt:
      case Kind::kBig:
        return out_.append(repr(runtime_, value));
      case Kind::kFloat:
        return out_.append(number(value.real));
      case Kind::kString:
        return append_string(value.string->view());
      case Kind::kList:
      case Kind::kTuple:
        return append_list(value.sequence->span(), depth);
      case Kind::kDict:
        return append_dict(*value.dict, depth);
      default:
        raise(ErrorKind::kType, "Object of type {} is not JSON serializable", type_name(value));
    }
  }

  static std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return float_repr(value);
  }

  void append_list(std::span<const Value> items, std::size_t depth) {
    if (items.empty()) return out_.append("[]");
    out_.append('[');
    bool first = true;
    for (const Value& item : items) {
      begin_item(first, depth + 1);
      append(item, depth + 1);
    }
    end_items(depth);
    out_.append(']');
  }

  void append_dict(const Dict& dict, std::size_t depth) {
    if (dict.size == 0) return out_.append("{}");
    std::vector<Value> keys, values;
    for (const Entry& entry : dict.span()) {
      keys.push_back(entry.key);
      values.push_back(entry.value);
    }
    if (style_.sort_keys) {
      values = sorted(runtime_, std::move(values), keys, false);
      keys = sorted(runtime_, keys, keys, false);
    }
    out_.append('{');
    bool first = true;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      begin_item(first, depth + 1);
      append_string(key_text(keys[i]));
      out_.append(style_.key_separator);
      append(values[i], depth + 1);
    }
    end_items(depth);
    out_.append('}');
  }

  std::string key_text(const Value& key) {
    switch (key.kind) {
      case Kind::kString:
        return std::string(key.string->view());
      case Kind::kNone:
        return "null";
      case Kind::kBool:
        return key.boolean ? "true" : "false";
      case Kind::kInt:
      case Kind::kBig:
        return repr(runtime_, key);
      case Kind::kFloat:
        return number(key.real);
      default:
        raise(ErrorKind::kType, "keys must be str, int, float, bool or None, not {}", type_name(key));
    }
  }

  void begin_item(bool& first, std::size_t depth) {
    if (!first) out_.append(style_.item_separator);
    first = false;
    new_line(depth);
  }

  void end_items(std::size_t depth) { new_line(depth); }

  void new_line(std::size_t depth) {
    if (!style_.indent) return;
    out_.append('\n');
    for (std::size_t i = 0; i < depth; ++i) out_.append(*style_.indent);
  }

  void append_string(std::string_view text) {
    out_.append('"');
    std::size_t plain = 0;  // where the run of characters that stand for themselves begins
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t start = at;
      const char32_t code = next_code_point(text, at);
      const bool stands =
          code != '"' && code != '\\' && code >= 0x20 && (code < 0x7f || !style_.ensure_ascii);
      if (stands || (code == 0x7f)) continue;
      out_.append(text.substr(plain, start - plain));
      append_escape(code);
      plain = at;
    }
    out_.append(text.substr(plain));
    out_.append('"');
  }

  void append_escape(char32_t code) {
    switch (code) {
      case '"':
        return out_.append("\\\"");
      case '\\':
        return out_.append("\\\\");
      case '\n':
        return out_.append("\\n");
      case '\r':
        return out_.append("\\r");
      case '\t':
        return out_.append("\\t");
      case '\b':
        return out_.append("\\b");
      case '\f':
        return out_.append("\\f");
      default:
        break;
    }
    auto unit = static_cast<std::uint32_t>(code);
    if (unit >= 0x10000) {
      unit -= 0x10000;
      out_.append(fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (unit >> 10), 0xdc00 + (unit & 0x3ff)));
    } else {
      out_.append(fmt::format("\\u{:04x}", unit));
    }
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  TextBuilder out_;
};

}  // namespace

const Str* to_json(Runtime& runtime, const Value& value, const JsonStyle& style) {
  return Writer(runtime, style).write(value);
}

}  // namespace atelier::text::jinja
