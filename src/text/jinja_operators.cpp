#include <cmath>

#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

constexpr const char* kSymbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};

[[noreturn]] void refuse(Operator operation, const Value& left, const Value& right) {
  if (left.is_undefined()) raise_undefined(*left.undefined);
  if (right.is_undefined()) raise_undefined(*right.undefined);
  raise(ErrorKind::kType, "unsupported operand type(s) for {}: '{}' and '{}'",
        kSymbols[static_cast<int>(operation)], type_name(left), type_name(right));
}

std::int64_t to_small(const Value& value) {
  return value.is(Kind::kBool) ? std::int64_t{value.boolean} : value.integer;
}

double python_modulo(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest != 0) {
    if ((b < 0) != (rest < 0)) rest += b;
  } else {
    rest = std::copysign(0.0, b);
  }
  return rest;
}

double python_floor_divide(double a, double b) {
  const double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Value power_of_floats(double base, double exponent) {
  if (base == 0 && exponent < 0) {
    raise(ErrorKind::kZeroDivision, "0.0 cannot be raised to a negative power");
  }
  if (base < 0 && std::isfinite(base) && std::isfinite(exponent) && exponent != std::floor(exponent)) {
    raise(ErrorKind::kUnsupported, "complex numbers are not supported: ({}) ** {}", float_repr(base),
          float_repr(exponent));
  }
  const double result = std::pow(base, exponent);
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent)) {
    raise(ErrorKind::kOverflow, "(34, 'Numerical result out of range')");
  }
  return Value(result);
}

Value apply_floats(Operator operation, double a, double b) {
  switch (operation) {
    case Operator::kAdd:
      return Value(a + b);
    case Operator::kSubtract:
      return Value(a - b);
    case Operator::kMultiply:
      return Value(a * b);
    case Operator::kDivide:
      if (b == 0) raise(ErrorKind::kZeroDivision, "float division by zero");
      return Value(a / b);
    case Operator::kFloorDivide:
      if (b == 0) raise(ErrorKind::kZeroDivision, "float floor division by zero");
      return Value(python_floor_divide(a, b));
    case Operator::kModulo:
      if (b == 0) raise(ErrorKind::kZeroDivision, "float modulo");
      return Value(python_modulo(a, b));
    case Operator::kPower:
      return power_of_floats(a, b);
  }
  return Value();
}

Value power_of_integers(Runtime& runtime, const Value& left, const Value& right) {
  if (to_big(right).is_negative()) {
    if (to_big(left).is_zero()) raise(ErrorKind::kZeroDivision, "0.0 cannot be raised to a negative power");
    return power_of_floats(to_double(left), to_double(right));
  }
  const auto exponent = to_big(right).to_int64();
  BigInteger base = to_big(left), result(1);
  const bool trivial = base.is_zero() || (base.limbs().size() == 1 && base.limbs()[0] == 1);
  const std::int64_t most = static_cast<std::int64_t>(BigInteger::kMaxLimbs) * 32;
  if (!trivial && (!exponent || *exponent > most)) {
    raise(ErrorKind::kLimit, "an integer needs more than {} bits", most);
  }
  std::int64_t rest =
      trivial ? (to_big(right).is_zero() ? 0 : (to_big(right).limbs()[0] % 2 == 0 ? 2 : 1)) : *exponent;
  for (; rest > 0; rest /= 2) {
    runtime.step(static_cast<std::int64_t>(base.limbs().size() * base.limbs().size() / 8));
    if (rest % 2 == 1) result = result * base;
    if (rest > 1) base = base * base;
  }
  return runtime.number(result);
}

Value divide_integers(Operator operation, Runtime& runtime, const Value& left, const Value& right) {
  const BigInteger a = to_big(left), b = to_big(right);
  if (b.is_zero()) {
    raise(ErrorKind::kZeroDivision, "{}",
          operation == Operator::kDivide        ? "division by zero"
          : operation == Operator::kFloorDivide ? "integer division or modulo by zero"
                                                : "integer modulo by zero");
  }
  if (operation == Operator::kDivide) return Value(to_double(left) / to_double(right));
  runtime.step(static_cast<std::int64_t>(a.limbs().size() * (b.limbs().size() + 1)));
  BigInteger quotient, remainder;
  a.divide(b, quotient, remainder);
  return runtime.number(operation == Operator::kFloorDivide ? quotient : remainder);
}

Value apply_big(Runtime& runtime, Operator operation, const Value& left, const Value& right) {
  const auto size = [](const Value& v) {
    return v.is(Kind::kBig) ? static_cast<std::int64_t>(v.big->limbs.size()) : 1;
  };
  switch (operation) {
    case Operator::kAdd:
      runtime.step((size(left) + size(right)) / 8);
      return runtime.number(to_big(left) + to_big(right));
    case Operator::kSubtract:
      runtime.step((size(left) + size(right)) / 8);
      return runtime.number(to_big(left) - to_big(right));
    case Operator::kMultiply:
      runtime.step(size(left) * size(right) / 8);
      return runtime.number(to_big(left) * to_big(right));
    case Operator::kPower:
      return power_of_integers(runtime, left, right);
    default:
      return divide_integers(operation, runtime, left, right);
  }
}

Value apply_integers(Runtime& runtime, Operator operation, const Value& left, const Value& right) {
  if (!left.is(Kind::kBig) && !right.is(Kind::kBig)) {
    const std::int64_t a = to_small(left), b = to_small(right);
    std::int64_t out = 0;
    if (operation == Operator::kAdd && !__builtin_add_overflow(a, b, &out)) return Value(out);
    if (operation == Operator::kSubtract && !__builtin_sub_overflow(a, b, &out)) return Value(out);
    if (operation == Operator::kMultiply && !__builtin_mul_overflow(a, b, &out)) return Value(out);
    const bool divisible = b != 0 && !(a == INT64_MIN && b == -1);
    const bool inexact = divisible && a % b != 0 && (a % b < 0) != (b < 0);
    if (operation == Operator::kFloorDivide && divisible) return Value(a / b - (inexact ? 1 : 0));
    if (operation == Operator::kModulo && divisible) return Value(a % b + (inexact ? b : 0));
  }
  return apply_big(runtime, operation, left, right);
}

Value add_sequences(Runtime& runtime, const Value& left, const Value& right) {
  const auto a = left.sequence->span(), b = right.sequence->span();
  runtime.step(static_cast<std::int64_t>((a.size() + b.size()) / 4));
  const auto items = runtime.arena().create_array<Value>(a.size() + b.size());
  std::copy(a.begin(), a.end(), items.begin());
  std::copy(b.begin(), b.end(), items.begin() + static_cast<std::ptrdiff_t>(a.size()));
  return runtime.sequence(left.kind, items);
}

Value add_to_string(Runtime& runtime, const Value& left, const Value& right) {
  if (!right.is_string()) {
    raise(ErrorKind::kType, "can only concatenate str (not \"{}\") to str", type_name(right));
  }
  const Str &a = *left.string, &b = *right.string;
  if (a.markup == b.markup) return Value(runtime.concatenate(a, b.view(), a.markup));
  if (a.markup) return Value(runtime.concatenate(a, escape_text(b.view()), true));
  return Value(runtime.concatenate(*runtime.text(escape_text(a.view())), b.view(), true));
}

Value repeat(Runtime& runtime, const Value& what, const Value& times) {
  const auto wanted = to_big(times).to_int64();
  if (!wanted) raise(ErrorKind::kOverflow, "cannot fit 'int' into an index-sized integer");
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(*wanted, 0));
  const std::size_t size = what.is_string() ? what.string->size : what.sequence->size;
  if (size != 0 && count > runtime.max_text_bytes() / size) {
    raise(ErrorKind::kLimit, "the template repeats something to more than {} items",
          runtime.max_text_bytes());
  }
  if (what.is_string()) {
    std::string out;
    out.reserve(size * count);
    for (std::size_t i = 0; i < count && size > 0; ++i) out += what.string->view();
    return Value(runtime.text(out, what.string->markup));
  }
  runtime.step(static_cast<std::int64_t>(size * count / 4));
  const auto items = runtime.arena().create_array<Value>(size * count);
  for (std::size_t i = 0; i < items.size(); ++i) items[i] = what.sequence->items[i % size];
  return runtime.sequence(what.kind, items);
}

}  // namespace

Value apply(Runtime& runtime, Operator operation, const Value& left, const Value& right) {
  if (left.is_integral() && right.is_integral()) return apply_integers(runtime, operation, left, right);
  if (left.is_number() && right.is_number()) {
    return apply_floats(operation, to_double(left), to_double(right));
  }
  if (operation == Operator::kModulo && left.is_string()) {
    return Value(percent_format(runtime, *left.string, right));
  }
  if (left.is_undefined() || right.is_undefined()) refuse(operation, left, right);
  if (operation == Operator::kAdd) {
    if (left.is_string()) return add_to_string(runtime, left, right);
    if (left.is_sequence()) {
      if (left.kind == right.kind) return add_sequences(runtime, left, right);
      const char* kind = left.is(Kind::kList) ? "list" : "tuple";
      raise(ErrorKind::kType, "can only concatenate {} (not \"{}\") to {}", kind, type_name(right), kind);
    }
  }
  if (operation == Operator::kMultiply) {
    const bool left_repeats = left.is_string() || left.is_sequence();
    const bool right_repeats = right.is_string() || right.is_sequence();
    if (left_repeats && right.is_integral()) return repeat(runtime, left, right);
    if (right_repeats && left.is_integral()) return repeat(runtime, right, left);
    if (left_repeats || right_repeats) {
      raise(ErrorKind::kType, "can't multiply sequence by non-int of type '{}'",
            type_name(left_repeats ? right : left));
    }
  }
  refuse(operation, left, right);
}

Value negate(Runtime& runtime, const Value& value) {
  if (value.is(Kind::kFloat)) return Value(-value.real);
  if (value.is_integral()) return apply(runtime, Operator::kSubtract, Value(std::int64_t{0}), value);
  if (value.is_undefined()) raise_undefined(*value.undefined);
  raise(ErrorKind::kType, "bad operand type for unary -: '{}'", type_name(value));
}

Value plus(Runtime&, const Value& value) {
  if (value.is(Kind::kBool)) return Value(std::int64_t{value.boolean});
  if (value.is_number()) return value;
  if (value.is_undefined()) raise_undefined(*value.undefined);
  raise(ErrorKind::kType, "bad operand type for unary +: '{}'", type_name(value));
}

BigInteger to_big(const Value& value) {
  if (value.is(Kind::kBig)) return BigInteger(value.big->negative, value.big->limbs);
  return BigInteger(to_small(value));
}

double to_double(const Value& value) {
  if (value.is(Kind::kFloat)) return value.real;
  if (!value.is(Kind::kBig)) return static_cast<double>(to_small(value));
  const double out = to_big(value).to_double();
  if (std::isinf(out)) raise(ErrorKind::kOverflow, "int too large to convert to float");
  return out;
}

}  // namespace atelier::text::jinja
