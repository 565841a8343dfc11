#include <cmath>

#include "text/jinja_filters.h"
#include "text/jinja_number_format.h"
#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

// int(value) where Python raises TypeError or ValueError: nullopt. Undefined raises of itself.
std::optional<Value> plain_integer(const Arguments& a) {
  const Value& value = a[0];
  if (value.is_undefined()) raise_undefined(*value.undefined);
  if (value.is_integral()) return plus(a.runtime(), value);
  if (value.is(Kind::kFloat)) {
    if (std::isnan(value.real)) return std::nullopt;
    return integer_of(a.runtime(), value.real);
  }
  if (!value.is_string()) return std::nullopt;
  return parse_integer(a.runtime(), value.string->view(), static_cast<int>(a.integer(2, 10)));
}

std::optional<double> plain_float(const Value& value) {
  if (value.is_undefined()) raise_undefined(*value.undefined);
  if (value.is_number()) return to_double(value);
  return value.is_string() ? parse_float(value.string->view()) : std::nullopt;
}

// "42.23" | int is 42.
Value to_integer(const Arguments& a) {
  if (const auto value = plain_integer(a)) return *value;
  const auto real = a[0].is_string() || a[0].is_number() ? plain_float(a[0]) : std::nullopt;
  if (real && std::isfinite(*real)) return integer_of(a.runtime(), *real);
  return a.has(1) ? a[1] : Value(std::int64_t{0});
}

Value to_float(const Arguments& a) {
  if (const auto value = plain_float(a[0])) return Value(*value);
  return a.has(1) ? a[1] : Value(0.0);
}

Value absolute(const Arguments& a) {
  const Value& value = a[0];
  if (!value.is_number()) raise(ErrorKind::kType, "bad operand type for abs(): '{}'", type_name(value));
  if (value.is(Kind::kFloat)) return Value(std::fabs(value.real));
  return to_big(value).is_negative() ? negate(a.runtime(), value) : plus(a.runtime(), value);
}

Value round_value(const Arguments& a) {
  Runtime& runtime = a.runtime();
  const std::string_view method = a.has(2) ? a.string(2).view() : "common";
  if (method != "common" && method != "ceil" && method != "floor") {
    raise(ErrorKind::kFilterArgument, "method must be common, ceil or floor");
  }
  const Value digits = a.has(1) ? a[1] : Value(std::int64_t{0});
  if (method == "common") {
    if (digits.is_none()) {
      const Value rounded = round_number(runtime, a[0], 0);
      return rounded.is(Kind::kFloat) ? integer_of(runtime, rounded.real) : rounded;
    }
    return round_number(runtime, a[0], to_index(digits));
  }
  const Value scale = apply(runtime, Operator::kPower, Value(std::int64_t{10}), digits);
  const Value scaled = apply(runtime, Operator::kMultiply, a[0], scale);
  if (!scaled.is_number()) raise(ErrorKind::kType, "must be real number, not {}", type_name(scaled));
  const Value whole =
      scaled.is(Kind::kFloat)
          ? integer_of(runtime, method == "ceil" ? std::ceil(scaled.real) : std::floor(scaled.real))
          : scaled;
  return apply(runtime, Operator::kDivide, whole, scale);
}

Value file_size(const Arguments& a) {
  static constexpr const char* kDecimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  static constexpr const char* kBinary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  const auto value = plain_float(a[0]);
  if (!value) {
    if (a[0].is_string()) {
      raise(ErrorKind::kValue, "could not convert string to float: {}", repr(a.runtime(), a[0]));
    }
    raise(ErrorKind::kType, "float() argument must be a string or a real number, not '{}'", type_name(a[0]));
  }
  const double bytes = value.value_or(0), base = a.flag(1) ? 1024 : 1000;
  if (bytes == 1) return Value(a.runtime().text("1 Byte"));
  if (bytes < base) {
    return Value(a.runtime().text(fmt::format("{} Bytes", float_digits(std::trunc(bytes), 'f', 0, false))));
  }
  double unit = base;
  std::size_t i = 0;
  do {
    unit *= base;
  } while (bytes >= unit && ++i < 8);
  const char* prefix = (a.flag(1) ? kBinary : kDecimal)[i < 8 ? i : 7];
  const double scaled = base * bytes / unit;
  return Value(a.runtime().text(fmt::format("{} {}", float_digits(scaled, 'f', 1, false), prefix)));
}

Value sum(const Arguments& a) {
  Runtime& runtime = a.runtime();
  Value total = a.has(2) ? a[2] : Value(std::int64_t{0});
  if (total.is_string()) raise(ErrorKind::kType, "sum() can't sum strings [use ''.join(seq) instead]");
  const auto path = attribute_path(runtime, a.has(1) ? a[1] : Value::none());
  Iterator* items = iterate(runtime, a[0]);
  for (Value item; items->next(runtime, item);) {
    runtime.step();
    total = apply(runtime, Operator::kAdd, total, follow_path(runtime, item, path));
  }
  return total;
}

Value lowered(Runtime& runtime, const Value& value);

// The smallest (or largest) item; the first of equals.
Value extreme(const Arguments& a, bool largest) {
  Runtime& runtime = a.runtime();
  const auto path = attribute_path(runtime, a.has(2) ? a[2] : Value::none());
  Iterator* items = iterate(runtime, a[0]);
  Value best, best_key;
  for (Value item; items->next(runtime, item);) {
    Value key = follow_path(runtime, item, path);
    if (!a.flag(1)) key = lowered(runtime, key);
    if (best.is_missing() ||
        compare(runtime, largest ? Comparison::kGreater : Comparison::kLess, key, best_key)) {
      best = item;
      best_key = key;
    }
  }
  return best.is_missing() ? runtime.undefined_hint("No aggregated item, sequence was empty.") : best;
}

Value lowered(Runtime& runtime, const Value& value) {
  static const FilterEntry* lower = find_filter("lower");
  return value.is_string() ? call_filter(runtime, *lower, {std::span(&value, 1), {}}) : value;
}

const FilterEntry kFilters[] = {
    {"int", "do_int", "value, default=, base=", to_integer},
    {"float", "do_float", "value, default=", to_float},
    {"abs", "abs", "x", absolute},
    {"round", "do_round", "value, precision=, method=", round_value},
    {"filesizeformat", "do_filesizeformat", "value, binary=", file_size},
    {"sum", "do_sum", "iterable, attribute=, start=", sum},
    {"min", "do_min",
     "value, case_sensitive=, attribute=", [](const Arguments& a) { return extreme(a, false); }},
    {"max", "do_max",
     "value, case_sensitive=, attribute=", [](const Arguments& a) { return extreme(a, true); }},
};

}  // namespace

std::span<const FilterEntry> number_filters() {
  return kFilters;
}

}  // namespace atelier::text::jinja
