// Sixteen lanes in portable C++: the reference the vector versions agree with. Every kernel is written once
// over these names (linear_int8.h, linear_f32.h, prepare_rows.h); an ISA file includes one quad_lanes_*.h
// before them. All of it is internal to the including file.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/ops.h"
#include "kernels/panel_layout.h"

namespace atelier::kernels {
namespace {

struct F32 {
  float lane[16];
};
struct I32 {
  std::int32_t lane[16];
};
// 16 rows x 4 consecutive k, one byte each.
struct Quad {
  std::uint8_t byte[64];
};

// Whether dot() wants full-range bytes signed; then their offset is already taken off.
constexpr bool kSignedBytes = false;
constexpr int kQuadPanels = 1;  // panels multiplied side by side, of more than a few rows
// How many rows are multiplied side by side by quads of at most this value.
constexpr int rows_at_once(int /*max_value*/) {
  return 8;
}

template <class Make>
inline F32 make_f32(Make make) {
  F32 out;
  for (int i = 0; i < 16; ++i) out.lane[i] = make(i);
  return out;
}
template <class Make>
inline I32 make_i32(Make make) {
  I32 out;
  for (int i = 0; i < 16; ++i) out.lane[i] = make(i);
  return out;
}
template <class Make>
inline Quad make_quad(Make make) {
  Quad out;
  for (int i = 0; i < 64; ++i) out.byte[i] = static_cast<std::uint8_t>(make(i));
  return out;
}

// ---- f32 ----
inline F32 splat(float value) {
  return make_f32([=](int) { return value; });
}
inline F32 load(const float* from) {
  return make_f32([=](int i) { return from[i]; });
}
inline F32 load_part(const float* from, std::int64_t count) {
  return make_f32([=](int i) { return i < count ? from[i] : 0.0f; });
}
inline void store(float* to, const F32& x) {
  for (int i = 0; i < 16; ++i) to[i] = x.lane[i];
}
inline void store_part(float* to, const F32& x, std::int64_t count) {
  for (int i = 0; i < count; ++i) to[i] = x.lane[i];
}
inline F32 add(const F32& a, const F32& b) {
  return make_f32([&](int i) { return a.lane[i] + b.lane[i]; });
}
inline F32 mul(const F32& a, const F32& b) {
  return make_f32([&](int i) { return a.lane[i] * b.lane[i]; });
}
inline F32 negate(const F32& a) {
  return make_f32([&](int i) { return -a.lane[i]; });
}
// a * b + c, rounded once.
inline F32 fused(const F32& a, const F32& b, const F32& c) {
  return make_f32([&](int i) { return __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]); });
}
inline F32 to_f32(const I32& a) {
  return make_f32([&](int i) { return static_cast<float>(a.lane[i]); });
}

inline float half_to_f32(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16, rest = half & 0x7fffu;
  std::uint32_t bits;
  if (rest >= 0x7c00u) {
    bits = sign | 0x7f800000u | ((rest & 0x3ffu) << 13);
  } else if (rest >= 0x0400u) {
    bits = sign | ((rest << 13) + 0x38000000u);
  } else {
    const float magnitude = static_cast<float>(rest) * 0x1p-24f;
    std::memcpy(&bits, &magnitude, 4);
    bits |= sign;
  }
  float out;
  std::memcpy(&out, &bits, 4);
  return out;
}
inline F32 from_halves(const std::uint8_t* from) {
  std::uint16_t half[16];
  std::memcpy(half, from, 32);
  return make_f32([&](int i) { return half_to_f32(half[i]); });
}
inline F32 from_bytes(const std::uint8_t* from) {
  return make_f32([=](int i) { return static_cast<float>(from[i]); });
}
inline F32 from_signed_bytes(const std::uint8_t* from) {
  return make_f32([=](int i) { return static_cast<float>(static_cast<std::int8_t>(from[i])); });
}
inline F32 from_low_nibbles(const std::uint8_t* from) {
  return make_f32([=](int i) { return static_cast<float>(from[i] & 15); });
}
inline F32 from_high_nibbles(const std::uint8_t* from) {
  return make_f32([=](int i) { return static_cast<float>(from[i] >> 4); });
}

// To the nearest bf16, ties to even; the value stays f32.
inline F32 round_to_bf16(const F32& a) {
  return make_f32([&](int i) {
    std::uint32_t bits;
    std::memcpy(&bits, &a.lane[i], 4);
    bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
    float out;
    std::memcpy(&out, &bits, 4);
    return out;
  });
}

// ---- for prepare ----
// Nothing is prepared by whole blocks here: all rows are left.
inline RowsToPrepare prepare_int8_blocks(const RowsToPrepare& from, const Activations& /*out*/) {
  return from;
}
inline F32 max_magnitude(const F32& so_far, const F32& x) {
  return make_f32([&](int i) {
    const float magnitude = x.lane[i] < 0 ? -x.lane[i] : x.lane[i];
    return so_far.lane[i] > magnitude ? so_far.lane[i] : magnitude;
  });
}
inline float largest(const F32& a) {
  float out = a.lane[0];
  for (int i = 1; i < 16; ++i) out = out > a.lane[i] ? out : a.lane[i];
  return out;
}
// To the nearest integer in [-127, 127], ties to even; a NaN becomes -127.
inline I32 round_to_i8(const F32& a) {
  return make_i32([&](int i) {
    const float low = a.lane[i] > -127.0f ? a.lane[i] : -127.0f;
    const float clamped = low < 127.0f ? low : 127.0f;
    return static_cast<std::int32_t>((clamped + 12582912.0f) - 12582912.0f);  // 1.5 * 2^23: the add rounds
  });
}
struct HalfSums {
  std::int32_t first, second;
};
// 32 values to bytes; their sums.
inline HalfSums store_i8(std::int8_t* to, const I32& first, const I32& second) {
  HalfSums sums = {0, 0};
  for (int i = 0; i < 16; ++i) {
    to[i] = static_cast<std::int8_t>(first.lane[i]);
    to[16 + i] = static_cast<std::int8_t>(second.lane[i]);
    sums.first += first.lane[i];
    sums.second += second.lane[i];
  }
  return sums;
}

// ---- integers ----
inline I32 splat_i32(std::int32_t value) {
  return make_i32([=](int) { return value; });
}
inline I32 load_i32(const std::int32_t* from) {
  return make_i32([=](int i) { return from[i]; });
}
inline I32 sub(const I32& a, const I32& b) {
  return make_i32([&](int i) { return a.lane[i] - b.lane[i]; });
}
// value * 2^kShift in every lane; 0 where kShift < 0.
template <int kShift>
inline I32 splat_shifted(std::int32_t value) {
  if constexpr (kShift < 0) return splat_i32(0);
  return splat_i32(value * (1 << (kShift < 0 ? 0 : kShift)));
}

// ---- quads ----
inline Quad load_quad(const std::uint8_t* from) {
  return make_quad([=](int i) { return from[i]; });
}
inline void store_quad(std::uint8_t* to, const Quad& q) {
  std::memcpy(to, q.byte, 64);
}
inline Quad low_nibbles(const Quad& q) {
  return make_quad([&](int i) { return q.byte[i] & 15; });
}
inline Quad high_nibbles(const Quad& q) {
  return make_quad([&](int i) { return q.byte[i] >> 4; });
}
// base | the two-bit field `kField` of q, moved to bit kTo.
template <int kField, int kTo>
inline Quad with_field(const Quad& base, const Quad& q) {
  return make_quad([&](int i) { return base.byte[i] | (((q.byte[i] >> (2 * kField)) & 3) << kTo); });
}
inline Quad zero_quad() {
  return make_quad([](int) { return 0; });
}
// base | bit `kBit` of q, moved to bit kTo.
template <int kBit, int kTo>
inline Quad with_bit(const Quad& base, const Quad& q) {
  return make_quad([&](int i) { return base.byte[i] | (((q.byte[i] >> kBit) & 1) << kTo); });
}
inline Quad iq4_values(const Quad& indices) {
  return make_quad([&](int i) { return kIq4Values[indices.byte[i]]; });
}
inline Quad flip_sign_bits(const Quad& q) {
  return make_quad([&](int i) { return q.byte[i] ^ 0x80; });
}
// u - offset as signed bytes (offset <= 128).
inline Quad minus_offset(const Quad& q, int offset) {
  return make_quad([&](int i) { return q.byte[i] - offset; });
}
// Byte kByte of every row, unsigned.
template <int kByte>
inline I32 column(const Quad& q) {
  return make_i32([&](int i) { return std::int32_t{q.byte[4 * i + kByte]}; });
}

// 256 + column.
template <int kByte>
inline F32 lifted_column(const Quad& q) {
  return add(to_f32(column<kByte>(q)), splat(256.0f));
}

// init + sum over kCount quads and their 4 bytes of w * a; a: 4 activations per quad, the same for all rows.
// kMaxValue: the largest unsigned value in w; kSigned: w's bytes are signed.
template <int kCount, int kMaxValue, bool kSigned>
inline I32 dot(const I32& init, const Quad* w, const std::int8_t* a) {
  I32 sum = init;
  for (int q = 0; q < kCount; ++q) {
    for (int i = 0; i < 64; ++i) {
      const std::int32_t value = kSigned ? static_cast<std::int8_t>(w[q].byte[i]) : w[q].byte[i];
      sum.lane[i / 4] += value * a[4 * q + i % 4];
    }
  }
  return sum;
}

// dot() of kRows rows with the same weights; a: the first row's activations, the others' follow kGroup apart.
template <int kCount, int kMaxValue, bool kSigned, int kRows, int kPanels>
inline void dot_rows(I32* sums, const Quad* w, const std::int8_t* a) {
  static_assert(kPanels == 1);
  for (int r = 0; r < kRows; ++r) sums[r] = dot<kCount, kMaxValue, kSigned>(sums[r], w, a + r * kGroup);
}

// The pair (k, k + 1) of bf16 weights of each row, as f32.
inline F32 first_of_pairs(const Quad& q) {
  return make_f32([&](int i) {
    float out;
    const std::uint8_t bytes[4] = {0, 0, q.byte[4 * i], q.byte[4 * i + 1]};
    std::memcpy(&out, bytes, 4);
    return out;
  });
}
inline F32 second_of_pairs(const Quad& q) {
  return make_f32([&](int i) {
    float out;
    const std::uint8_t bytes[4] = {0, 0, q.byte[4 * i + 2], q.byte[4 * i + 3]};
    std::memcpy(&out, bytes, 4);
    return out;
  });
}
// The reverse: the values rounded to bf16, side by side.
inline Quad rounded_pairs(const F32& first_exact, const F32& second_exact) {
  const F32 first = round_to_bf16(first_exact), second = round_to_bf16(second_exact);
  Quad out;
  for (int i = 0; i < 16; ++i) {
    std::uint32_t a, b;
    std::memcpy(&a, &first.lane[i], 4);
    std::memcpy(&b, &second.lane[i], 4);
    const std::uint32_t word = (a >> 16) | (b & 0xffff0000u);
    std::memcpy(out.byte + 4 * i, &word, 4);
  }
  return out;
}

// ---- rows of a bf16 tile: 8 of the 16 rows (half kHalf), two consecutive k each, side by side ----

// kLift + the bytes 2 kPair and 2 kPair + 1, which are < kLift.
template <int kLift, int kHalf, int kPair>
inline F32 lifted_pairs(const Quad& q) {
  return make_f32(
      [&](int i) { return kLift + static_cast<float>(q.byte[(8 * kHalf + i / 2) * 4 + 2 * kPair + i % 2]); });
}
template <int kHalf>
inline F32 each_twice(const F32& a) {
  return make_f32([&](int i) { return a.lane[8 * kHalf + i / 2]; });
}
// Both halves rounded to bf16: the tile row.
inline Quad rounded_row(const F32& first_half, const F32& second_half) {
  Quad out;
  for (int i = 0; i < 32; ++i) {
    std::uint32_t bits;
    const F32 rounded = round_to_bf16(i < 16 ? first_half : second_half);
    std::memcpy(&bits, &rounded.lane[i % 16], 4);
    const auto half = static_cast<std::uint16_t>(bits >> 16);
    std::memcpy(out.byte + 2 * i, &half, 2);
  }
  return out;
}

// 16 values that are bf16 already.
inline void store_bf16(std::uint16_t* to, const F32& a) {
  for (int i = 0; i < 16; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, &a.lane[i], 4);
    to[i] = static_cast<std::uint16_t>(bits >> 16);
  }
}

inline void prefetch_to_l2(const void* at) {
  __builtin_prefetch(at, 0, 2);
}
inline void prefetch(const void* at) {
  __builtin_prefetch(at);
}

}  // namespace
}  // namespace atelier::kernels
