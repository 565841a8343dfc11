// Where everything stands inside a panel of a PackedMatrix. A panel is a run of records; a record holds one
// or more groups of 32 k for 16 rows: first the value planes, group by group, then the scales. All offsets
// are bytes from the start of the record; every plane starts on a 64-byte line, so that a load is one cache
// line.
//
//   bytes    8-bit values as quads: quad q = 64 bytes = 16 rows x the 4 consecutive k from 4q
//   nibbles  4 lines; byte (row, b) of line v: quad v in the low half, quad v + 4 in the high half
//   pairs    2 lines; byte (row, b) of line h: bits 2i, 2i+1 belong to quad 4h + i
//   bits     1 line; byte (row, b): bit q belongs to quad q
//
// A value is scale * (u - offset) + min, u the unsigned number put together from the planes.
#pragma once

#include <cstdint>

#include "kernels/packed_matrix.h"

namespace atelier::kernels {

enum class ScaleForm : std::uint8_t {
  kNone,        // plain floats
  kHalf,        // f16 d (and f16 m) per group
  kByte,        // f16 d, dmin per record; u8 scale and u8 min per group                     Q4_K Q5_K
  kSignedByte,  // f16 d per record; i8 scale per 16 values                                  Q3_K Q6_K
  kNibblePair,  // f16 d, dmin per record; per 16 values a byte: low half scale, high half min   Q2_K
};

struct PanelLayout {
  // Strides per group, 0 where the kind has no such plane.
  std::int32_t bytes_stride = 0, nibbles_stride = 0, pairs_stride = 0, bits_stride = 0;
  std::int32_t record_groups = 1;
  std::int32_t offset = 0;     // u - offset is the signed number
  std::int32_t max_value = 0;  // largest u
  ScaleForm scale_form = ScaleForm::kNone;
  bool has_min = false;
  bool halves = false;  // a scale holds for 16 values, not 32
  bool lookup = false;  // the nibble is an index into kIq4Values

  std::int32_t bytes = 0, nibbles = 0, pairs = 0, bits = 0;  // offsets of the planes
  std::int32_t scales = 0, mins = 0;  // 16 lanes per group (or per half group): f16 or bytes, by scale_form
  std::int32_t d = 0, dmin = 0;       // f16 x 16 lanes per record (not kHalf)
  std::int32_t record_bytes = 0;
};

// IQ4_NL's sixteen values, plus 128.
inline constexpr std::uint8_t kIq4Values[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                                129, 141, 153, 166, 181, 197, 217, 241};

namespace layout_detail {

constexpr PanelLayout floats(std::int32_t group_bytes) {
  PanelLayout p;
  p.bytes_stride = group_bytes;
  p.record_bytes = group_bytes;
  return p;
}

constexpr PanelLayout finish(PanelLayout p) {
  std::int32_t at = 0;
  const auto take = [&at](std::int32_t bytes) {
    const std::int32_t start = at;
    at += bytes;
    return start;
  };
  const std::int32_t groups = p.record_groups;
  p.bytes = take(p.bytes_stride * groups);
  p.nibbles = take(p.nibbles_stride * groups);
  p.pairs = take(p.pairs_stride * groups);
  p.bits = take(p.bits_stride * groups);
  switch (p.scale_form) {
    case ScaleForm::kNone:
      break;
    case ScaleForm::kHalf:
      p.scales = take(32 * groups);
      if (p.has_min) p.mins = take(32 * groups);
      break;
    case ScaleForm::kByte:
      p.scales = take(16 * groups);
      p.mins = take(16 * groups);
      break;
    case ScaleForm::kSignedByte:
    case ScaleForm::kNibblePair:
      p.scales = take(32 * groups);
      p.mins = p.scales;
      break;
  }
  if (p.scale_form != ScaleForm::kNone && p.scale_form != ScaleForm::kHalf) {
    p.d = take(32);
    if (p.has_min) p.dmin = take(32);
  }
  p.record_bytes = (at + 63) / 64 * 64;
  return p;
}

// bits: the planes to make a value of that many bits; 8 = bytes.
constexpr PanelLayout blocks(std::int32_t bits, std::int32_t offset, ScaleForm form, bool has_min) {
  PanelLayout p;
  p.bytes_stride = bits == 8 ? 512 : 0;
  p.nibbles_stride = bits >= 4 && bits <= 6 ? 256 : 0;
  p.pairs_stride = bits == 2 || bits == 3 || bits == 6 ? 128 : 0;
  p.bits_stride = bits == 3 || bits == 5 ? 64 : 0;
  p.record_groups =
      form == ScaleForm::kHalf ? 2 : 8;  // two f16 x 16 fill a line; a K-quant block has 8 groups
  p.offset = offset;
  p.max_value = (1 << bits) - 1;
  p.scale_form = form;
  p.has_min = has_min;
  p.halves = form == ScaleForm::kSignedByte || form == ScaleForm::kNibblePair;
  return finish(p);
}

}  // namespace layout_detail

constexpr PanelLayout panel_layout(DType type) {
  using layout_detail::blocks;
  using layout_detail::floats;
  switch (type) {
    case DType::kF32:
      return floats(2048);  // [k][16] f32
    case DType::kF16:
      return floats(1024);  // [k][16] f16
    case DType::kBF16:
      return floats(1024);  // [k / 2][16][2] bf16: rows of an AMX tile
    case DType::kQ4_0:
      return blocks(4, 8, ScaleForm::kHalf, false);
    case DType::kQ4_1:
      return blocks(4, 0, ScaleForm::kHalf, true);
    case DType::kQ5_0:
      return blocks(5, 16, ScaleForm::kHalf, false);
    case DType::kQ5_1:
      return blocks(5, 0, ScaleForm::kHalf, true);
    case DType::kQ8_0:
      return blocks(8, 128, ScaleForm::kHalf, false);  // the bytes stay signed; u = byte + 128
    case DType::kQ2_K:
      return blocks(2, 0, ScaleForm::kNibblePair, true);
    case DType::kQ3_K:
      return blocks(3, 4, ScaleForm::kSignedByte, false);
    case DType::kQ4_K:
      return blocks(4, 0, ScaleForm::kByte, true);
    case DType::kQ5_K:
      return blocks(5, 0, ScaleForm::kByte, true);
    case DType::kQ6_K:
      return blocks(6, 32, ScaleForm::kSignedByte, false);
    case DType::kIQ4_NL: {
      PanelLayout p = blocks(4, 128, ScaleForm::kHalf, false);
      p.max_value = 255;
      p.lookup = true;
      return p;
    }
  }
  return {};
}

}  // namespace atelier::kernels
