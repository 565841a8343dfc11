// y = x w^T with int8 activations: for each output and group, in the order of k,
//   acc = fma(float(sum of (u - offset) * q8), d_w * d_a, acc)
//   acc = fma(min_w, d_a * sum of q8, acc)                        kinds with a min
// and the bias last. Where scales hold for half a group, h sums the halves and takes the row's scale once:
//   h = fma(float(sum), d_w, h);  h = fma(min_w, sum of q8, h);  acc = fma(h, d_a, acc). The integer sums are
//   exact, so every kernel here, every instruction set and the tile
// kernels give the same bits for any number of rows.
//
// Few rows: a group is unpacked into registers and used at once (memory bound). More rows:
// linear_int8_chunk.h.
#pragma once

#include <cstdint>

#include "kernels/cpu/unpack_group.h"
#include "kernels/ops.h"

namespace atelier::kernels {
namespace {

// What of a kind the arithmetic depends on, once its values are unpacked.
struct Flavour {
  bool halves, has_min;
  int shift;  // log2 of the offset; -1: none
  int max_value;
  bool is_signed;
};

constexpr int log2_of(int value) {
  int shift = -1;
  for (; value > 0; value /= 2) ++shift;
  return shift;
}

template <DType kKind>
constexpr Flavour kFlavourOf = {panel_layout(kKind).halves, panel_layout(kKind).has_min,
                                log2_of(kOffsetOf<kKind>), panel_layout(kKind).max_value,
                                kSignedBytes&& panel_layout(kKind).max_value == 255};

// Prepared rows of one block from one group on; `stride` leads to the next group.
struct Int8Rows {
  const std::int8_t* q8;
  const float* scale;
  const float* scaled_sum;
  const std::int32_t* minus_sum;
  const std::int32_t* minus_half_sum;
  std::int64_t stride;
};

inline Int8Rows rows_at(const Activations& x, std::int64_t row, std::int64_t group) {
  const std::int64_t groups = x.cols / kGroup;
  const std::int64_t at = (row / kBlockRows * groups + group) * x.block + row % kBlockRows;
  return {x.q8 + at * kGroup, x.scale + at,          x.scaled_sum + at,
          x.minus_sum + at,   x.minus_half_sum + at, x.block};
}

// The same rows, so many groups further on.
inline Int8Rows rows_from(const Int8Rows& x, std::int64_t groups) {
  const std::int64_t at = groups * x.stride;
  return {x.q8 + at * kGroup, x.scale + at,          x.scaled_sum + at,
          x.minus_sum + at,   x.minus_half_sum + at, x.stride};
}

// So many rows further on in the same block.
inline Int8Rows rows_after(const Int8Rows& x, std::int64_t rows) {
  return {x.q8 + rows * kGroup, x.scale + rows,          x.scaled_sum + rows,
          x.minus_sum + rows,   x.minus_half_sum + rows, x.stride};
}

struct GroupScales {
  F32 d[2], m[2];  // [1]: the second half group's
};

template <DType kKind>
inline GroupScales group_scales(const RecordScales& scales, const std::uint8_t* record, std::int64_t g) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  GroupScales out;
  for (int half = 0; half < 2; ++half) {
    const int use = kLayout.halves ? half : 0;
    out.d[half] = group_scale<kKind>(scales, record, g, use);
    out.m[half] = out.d[half];
    if constexpr (kLayout.has_min) out.m[half] = group_min<kKind>(scales, record, g, use);
  }
  return out;
}

// A group's sums [kPanels][kRows] into `acc`: by the scales of weights and row at once, then the mins.
template <bool kHasMin>
inline F32 with_group(F32 acc, const I32& sum, const F32& d, const F32& m, float d_a, float scaled_sum) {
  acc = fused(to_f32(sum), mul(d, splat(d_a)), acc);
  if constexpr (kHasMin) acc = fused(m, splat(scaled_sum), acc);
  return acc;
}

// Where halves of a group have scales of their own: one more of them, by the weights' scale alone. The row's
// is the same for both. minus: -(sum of the half's q8).
template <bool kHasMin>
inline F32 with_half(F32 halves, const I32& sum, const F32& d, const F32& m, std::int32_t minus) {
  halves = fused(to_f32(sum), d, halves);
  if constexpr (kHasMin) halves = fused(m, splat(-static_cast<float>(minus)), halves);
  return halves;
}

// One group of kRows rows of one block and kPanels panels: acc [kPanels][kRows], w [kPanels][8]; `at` is the
// first row's place in the prepared arrays.
template <Flavour kFlavour, int kRows, int kPanels>
inline void accumulate(F32* acc, const Quad* w, const GroupScales* scales, const Int8Rows& x,
                       std::int64_t at) {
  const std::int8_t* a = x.q8 + at * kGroup;
  const float* d_a = x.scale + at;
  const std::int32_t *minus_all = x.minus_sum + at, *minus_first = x.minus_half_sum + at;
  I32 sum[kPanels * kRows];
  const auto begin_sums = [&](const auto& minus) {
    for (int r = 0; r < kRows; ++r) {
      const I32 first = splat_shifted<kFlavour.shift>(minus(r));
      for (int p = 0; p < kPanels; ++p) sum[p * kRows + r] = first;
    }
  };
  if constexpr (kFlavour.halves) {
    F32 halves[kPanels * kRows];
    const auto take_half = [&](int half, const auto& minus) {
      for (int p = 0; p < kPanels; ++p)
        for (int r = 0; r < kRows; ++r) {
          const int i = p * kRows + r;
          halves[i] = with_half<kFlavour.has_min>(half == 0 ? splat(0.0f) : halves[i], sum[i],
                                                  scales[p].d[half], scales[p].m[half], minus(r));
        }
    };
    const auto first_half = [=](int r) { return minus_first[r]; };
    const auto second_half = [=](int r) { return minus_all[r] - minus_first[r]; };
    begin_sums(first_half);
    dot_rows<4, kFlavour.max_value, kFlavour.is_signed, kRows, kPanels>(sum, w, a);
    take_half(0, first_half);
    begin_sums(second_half);
    dot_rows<4, kFlavour.max_value, kFlavour.is_signed, kRows, kPanels>(sum, w + 4, a + 16);
    take_half(1, second_half);
    for (int p = 0; p < kPanels; ++p)
      for (int r = 0; r < kRows; ++r)
        acc[p * kRows + r] = fused(halves[p * kRows + r], splat(d_a[r]), acc[p * kRows + r]);
  } else {
    begin_sums([=](int r) { return minus_all[r]; });
    dot_rows<8, kFlavour.max_value, kFlavour.is_signed, kRows, kPanels>(sum, w, a);
    for (int p = 0; p < kPanels; ++p)
      for (int r = 0; r < kRows; ++r)
        acc[p * kRows + r] =
            with_group<kFlavour.has_min>(acc[p * kRows + r], sum[p * kRows + r], scales[p].d[0],
                                         scales[p].m[0], d_a[r], x.scaled_sum[at + r]);
  }
}

// ---- few rows ----

// How far ahead of the sums weights are fetched, in whole records so that a group's planes arrive together.
// L1's fill buffers alone do not cover the memory's latency. Much further ahead a second page is kept open,
// which the hardware's own streams, one page each, do not follow: of 1 GB that is read at 34 GB/s, Q4_0 takes
// 97 % with 4.5 KiB, 88 % with 16 KiB and 84 % with L1 alone.
struct Ahead {
  std::int64_t into_l1, into_l2;  // bytes; 0: not
};

constexpr std::int64_t kLeastNearBytes = 1792;

template <DType kKind>
constexpr std::int64_t kNearBytes = (kLeastNearBytes + panel_layout(kKind).record_bytes - 1) /
                                    panel_layout(kKind).record_bytes * panel_layout(kKind).record_bytes;
template <DType kKind>
constexpr Ahead kAhead = {kNearBytes<kKind>, 2 * kNearBytes<kKind>};

// Up to kRowsIntoL2 rows (of each table) some processors would rather have L2 alone, further ahead; but for
// one row less far where a value has a byte or more and passes quickly (docs/kernels.md).
constexpr std::int64_t kMostFarBytes = 8 << 10;

template <DType kKind>
constexpr std::int64_t kFarBytes =
    kMostFarBytes / panel_layout(kKind).record_bytes * panel_layout(kKind).record_bytes;
template <DType kKind>
constexpr bool kWholeBytes =
    panel_layout(kKind).scale_form == ScaleForm::kNone || panel_layout(kKind).max_value == 255;
template <DType kKind, int kRows>
constexpr Ahead kAheadOfRows =
    kRows > kRowsIntoL2 ? kAhead<kKind>
                        : Ahead{0, kRows == 1 && kWholeBytes<kKind> ? kNearBytes<kKind> : kFarBytes<kKind>};

// Fetches group g's share of the lines of records to come. The shares are of one size, so that nothing
// branches. Of two groups the second share ends with the record; of eight the last runs on into the next
// record (to end with its own would fetch the line just fetched again: 5 % slower).
template <DType kKind, Ahead kBy = kAhead<kKind>>
inline void fetch_behind(const std::uint8_t* record, std::int64_t g) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  constexpr std::int64_t kLines = kLayout.record_bytes / 64;
  constexpr std::int64_t kShare = (kLines + kLayout.record_groups - 1) / kLayout.record_groups;
  constexpr std::int64_t kStep = kLayout.record_groups == 2 ? kLines - kShare : kShare;
  const std::uint8_t* from = record + g * kStep * 64;
#pragma GCC unroll 16
  for (std::int64_t line = 0; line < kShare; ++line) {
    prefetch_to_l2(from + kBy.into_l2 + line * 64);
    if constexpr (kBy.into_l1 > 0) prefetch(from + kBy.into_l1 + line * 64);
  }
}

// Calls take<rows>(), 1 <= rows <= kMost.
template <int kMost, class Take>
inline void with_rows(std::int64_t rows, const Take& take) {
  if (rows == kMost) return take.template operator()<kMost>();
  if constexpr (kMost > 1) with_rows<kMost - 1>(rows, take);
}

template <DType kKind, int kRows>
inline void panel_rows(const std::uint8_t* panel, std::int64_t groups, const Int8Rows& x, F32* acc) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  std::int64_t at = 0;
  for (std::int64_t done = 0; done < groups; done += kLayout.record_groups, panel += kLayout.record_bytes) {
    const RecordScales scales = record_scales<kKind>(panel);
    const std::int64_t left = groups - done;
    const std::int64_t count = left < kLayout.record_groups ? left : kLayout.record_groups;
    for (std::int64_t g = 0; g < count; ++g, at += x.stride) {
      fetch_behind<kKind, kAheadOfRows<kKind, kRows>>(panel, g);
      Quad w[8];
      unpack_quads<kKind>(panel, g, w);
      const GroupScales group = group_scales<kKind>(scales, panel, g);
      accumulate<kFlavourOf<kKind>, kRows, 1>(acc, w, &group, x, at);
    }
  }
}

// Where the results of one panel go.
struct Output {
  float* y;  // of the first row
  std::int64_t stride;
  const float* bias;     // of the first column; null: none
  std::int64_t columns;  // of 16, that exist
};

inline Output output_of(const PackedMatrix& w, const float* bias, float* y, std::int64_t y_stride,
                        std::int64_t panel) {
  const std::int64_t first = panel * kPanelRows, left = w.n - first;
  return {y + first, y_stride, bias != nullptr ? bias + first : nullptr,
          left < kPanelRows ? left : kPanelRows};
}

inline void finish_row(const Output& out, std::int64_t row, F32 acc) {
  if (out.bias != nullptr) acc = add(acc, load_part(out.bias, out.columns));
  store_part(out.y + row * out.stride, acc, out.columns);
}

struct Stage {
  bool first, last;  // of the stretches of k: the sums start at zero; the bias is added
};

// The sums of kRows rows of a panel as earlier stretches left them; `from` begins at the first of them.
template <int kRows>
inline void load_sums(const Output& from, Stage stage, F32* acc) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
    acc[r] = stage.first ? splat(0.0f) : load_part(from.y + r * from.stride, from.columns);
}

// And back. By value: what is written cannot be `to`, so nothing of it is read again for each row.
template <int kRows>
inline void store_sums(const Output to, Stage stage, F32* acc) {
  if (stage.last && to.bias != nullptr) {
    const F32 bias = load_part(to.bias, to.columns);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[r] = add(acc[r], bias);
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) store_part(to.y + r * to.stride, acc[r], to.columns);
}

template <DType kKind, int kRows>
void linear_few_rows(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                     std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  const Int8Rows rows = rows_at(x, 0, 0);
  const std::uint8_t* start = panel_data(w, begin);
  for (std::int64_t line = 0; line < kAheadOfRows<kKind, kRows>.into_l2; line += 64)
    prefetch_to_l2(start + line);
  for (std::int64_t panel = begin; panel < end; ++panel) {
    F32 acc[kRows];
    for (int r = 0; r < kRows; ++r) acc[r] = splat(0.0f);
    panel_rows<kKind, kRows>(panel_data(w, panel), x.cols / kGroup, rows, acc);
    const Output out = output_of(w, bias, y, y_stride, panel);
    for (int r = 0; r < kRows; ++r) finish_row(out, r, acc[r]);
  }
}

// The same over weights that are numbers already (F32, F16, BF16), each used once, as it passes by:
// take(acc, g, record of group g) adds the group's products to acc [kRows].
template <DType kKind, int kRows, class Take>
inline void stream_floats(const PackedMatrix& w, std::int64_t groups, const float* bias, float* y,
                          std::int64_t y_stride, std::int64_t begin, std::int64_t end, const Take& take) {
  for (std::int64_t panel = begin; panel < end; ++panel) {
    const std::uint8_t* record = panel_data(w, panel);
    F32 acc[kRows];
    for (int r = 0; r < kRows; ++r) acc[r] = splat(0.0f);
    for (std::int64_t g = 0; g < groups; ++g, record += panel_layout(kKind).record_bytes) {
      fetch_behind<kKind, kAheadOfRows<kKind, kRows>>(record, 0);
      take(acc, g, record);
    }
    const Output out = output_of(w, bias, y, y_stride, panel);
    for (int r = 0; r < kRows; ++r) finish_row(out, r, acc[r]);
  }
}

// Of more rows so many pass by a panel before the next one's turn: their q8 for a stretch of k stay in L2.
constexpr std::int64_t kChunkRows = 512;

// ---- any number of rows ----

template <DType kKind>
void linear_many_rows(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                      std::int64_t y_stride, std::int64_t begin, std::int64_t end);

template <DType kKind>
void linear_int8(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                 std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  if (x.rows <= kFewRows) {
    return with_rows<kFewRows>(
        x.rows, [&]<int kRows>() { linear_few_rows<kKind, kRows>(w, x, bias, y, y_stride, begin, end); });
  }
  linear_many_rows<kKind>(w, x, bias, y, y_stride, begin, end);
}

}  // namespace
}  // namespace atelier::kernels
