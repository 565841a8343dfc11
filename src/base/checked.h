// Arithmetic on sizes that come from a file or a socket: nullopt instead of wrapping round.
#pragma once

#include <concepts>
#include <optional>

namespace atelier {

template <std::integral T>
std::optional<T> checked_add(T a, T b) {
  T out;
  return __builtin_add_overflow(a, b, &out) ? std::nullopt : std::optional<T>(out);
}

template <std::integral T>
std::optional<T> checked_mul(T a, T b) {
  T out;
  return __builtin_mul_overflow(a, b, &out) ? std::nullopt : std::optional<T>(out);
}

}  // namespace atelier
