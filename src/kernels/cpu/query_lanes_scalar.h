// What attention of prompts, a query to a lane, adds to Lanes, in plain C++: the reference of
// query_lanes_avx512.h. Include after float_lanes_scalar.h.
#pragma once

namespace atelier::kernels {
namespace {

inline void transpose(Lanes::V (&rows)[16]) {
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < i; ++j) {
      const float above = rows[j].f[i];
      rows[j].f[i] = rows[i].f[j];
      rows[i].f[j] = above;
    }
}

inline Lanes::V floor_of(Lanes::V x) {
  return Lanes::each([&](int i) { return __builtin_floorf(x.f[i]); });
}

// a 2^floor(x), x <= 0.
inline Lanes::V scale_by_floor(Lanes::V a, Lanes::V x) {
  return Lanes::each([&](int i) {
    return x.f[i] < -300.0f ? 0.0f : __builtin_ldexpf(a.f[i], static_cast<int>(__builtin_floorf(x.f[i])));
  });
}

// Lanes where key < seen keep their score, the others get `hidden`.
inline Lanes::V keep_seen(Lanes::V score, float key, Lanes::V seen, float hidden) {
  return Lanes::each([&](int i) { return key < seen.f[i] ? score.f[i] : hidden; });
}

inline bool any_above(Lanes::V a, Lanes::V b) {
  for (int i = 0; i < 16; ++i)
    if (a.f[i] > b.f[i]) return true;
  return false;
}

inline Lanes::V root(Lanes::V x) {
  return Lanes::each([&](int i) { return __builtin_sqrtf(x.f[i]); });
}

}  // namespace
}  // namespace atelier::kernels
