// The table of functions a backend offers. One table per instruction set; all are proven equal to the scalar
// one (kernels/conformance_test.cpp). Functions do one thread's share of the work: the caller splits and
// joins. Every output row depends on its own input row alone, with one fixed order of roundings: results
// never depend on how many rows came along, nor on the split over threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/packed_matrix.h"

namespace atelier::kernels {

// How products are formed; chosen once per model by --compute.
enum class Compute : std::uint8_t {
  kAuto,  // quantised weights: int8 activations per group of 32, integer sums, scales in one fixed order
          // (bit-equal on every ISA); BF16 weights: as kBF16; F16 and F32 weights: as kF32
  kBF16,  // activations and weights rounded to bf16, f32 sums
  kF32,   // f32 activations times dequantised weights, f32 sums
};

// A group of 32 activations counts as zero below this: 127 / amax must stay finite.
inline constexpr float kSmallestAmax = 1e-30f;

// Rows of activations that stand together, so that what one tile reads is contiguous.
inline constexpr std::int64_t kBlockRows = 16;

// Activations of `rows` rows in the form a matrix kind wants. Made by Ops::prepare in the caller's scratch
// memory and read by Ops::linear of the same table; nobody else looks inside.
struct Activations {
  std::int64_t rows = 0, cols = 0;  // cols: padded to kGroup
  std::int64_t block = 0;           // rows per block: kBlockRows, the last one may be partly filled; or
                                    // all of them in one, where they are fewer
  // kF32: [rows, cols]. kBF16: the same memory as bf16, values rounded to bf16 and held in either of the two
  // forms, as the table likes.
  float* f32 = nullptr;
  std::uint16_t* bf16 = nullptr;  // [rows / block][cols / 32][block][32]
  // kInt8: x ~ q8 * scale, in groups of 32.
  std::int8_t* q8 = nullptr;               // [rows / block][cols / 32][block][32]
  float* scale = nullptr;                  // [rows / block][cols / 32][block]: amax / 127
  float* scaled_sum = nullptr;             // likewise: scale * float(sum of the q8)
  std::int32_t* minus_sum = nullptr;       // likewise: -(sum of the group's q8)
  std::int32_t* minus_half_sum = nullptr;  // likewise: of its first 16
};

enum class ActivationForm : std::uint8_t { kF32, kBF16, kInt8 };
std::int64_t activation_bytes(ActivationForm form, std::int64_t rows, std::int64_t k);  // 64-byte multiple
// The view over `scratch` (activation_bytes long, 64-byte aligned) that prepare fills row by row.
Activations activation_view(ActivationForm form, std::int64_t rows, std::int64_t k, std::byte* scratch);

// Keys and values of one layer, in blocks of kBlockTokens tokens. Element type f16, f32 or, as kQ8_0, int8
// with scales.
//   [run][kv_head][block of the run] keys   [head_dim][kBlockTokens]   lanes are tokens
//                                    values [kBlockTokens][head_dim]   lanes are dims
// Behind int8 keys, and likewise values, stand their scales: [head_dim / kKvScaleDims][kBlockTokens] f16, one
// for so many dims of a token; head_dim is a multiple of that.
// A layer's blocks stand together in runs of kRunBlocks, and there what one KV head wants in the order it is
// wanted: pages that follow one another come half as fast again as every other one (34 GB/s to 24 under
// attention's arithmetic). A run is short enough that memory touched is that of the blocks used.
inline constexpr std::int64_t kBlockTokens = 32, kRunBlocks = 16, kKvScaleDims = 32;

// Attention gathers over so many keys at a time, beginning at multiples, and merges the parts in their order.
// 512 keys of one head (128 KiB at head_dim 64) take a core 10 us: enough to share out.
inline constexpr std::int64_t kPartKeys = 512;

inline constexpr std::int64_t kLineBytes = 64;  // of a cache

struct KvLayer {
  DType dtype = DType::kF16;
  std::int64_t kv_heads = 0, head_dim = 0;
  std::int64_t block_bytes = 0;  // from one block's keys to the next block's in a run, and likewise values
  std::int64_t head_bytes = 0;   // from one KV head's blocks of a run to the next head's
  std::int64_t run_bytes = 0;    // from one run of blocks to the next
  std::byte* keys = nullptr;
  std::byte* values = nullptr;
};

// Where one token's keys and values of one KV head stand.
struct KvSlot {
  std::int64_t block = 0, slot = 0, kv_head = 0;
};

// Values on their way into a prepared form: a rectangle of the input.
struct RowsToPrepare {
  const float* x = nullptr;  // of the rectangle's first row and column
  std::int64_t stride = 0;
  std::int64_t first_row = 0, rows = 0;
  std::int64_t first_column = 0, columns = 0;  // multiples of kGroup, but for the end of a row
};

// Consecutive query rows of one sequence. Row i stands at position `position + i` and sees keys [0, position
// + i].
struct AttentionRows {
  const float* q = nullptr;  // [rows][q_stride], heads x head_dim valid, rope applied
  float* out = nullptr;      // [rows][out_stride]
  std::int64_t q_stride = 0, out_stride = 0;
  std::int64_t rows = 0, position = 0;
  std::int64_t heads = 0;                // query heads; heads / kv_heads share one pass over K/V
  float scale = 1.0f;                    // 1 / sqrt(head_dim)
  const std::int32_t* blocks = nullptr;  // the sequence's block table

  // Memory that is read after attention: attend_part fetches head_dim lines from each place into the
  // second-level cache while it computes, a place for each block of its keys.
  const std::byte* const* upcoming = nullptr;
  std::int64_t upcoming_count = 0;
};

struct Ops {
  const char* isa;  // "scalar", "avx2", "avx512", "amx"

  // Compute::kAuto multiplies prompt rows in bf16 here, not int8 (form_for below).
  bool bf16_prompts;

  void (*prepare)(const RowsToPrepare& from, ActivationForm form, const Activations& out);

  // y[m][n] = sum_k x[m][k] w[n][k] (+ bias[n]) for all rows of `x` and the outputs of panels [begin, end).
  // bias may be null. Writes only columns < w.n.
  void (*linear)(const PackedMatrix& w, const Activations& x, ActivationForm form, const float* bias,
                 float* y, std::int64_t y_stride, std::int64_t begin, std::int64_t end);

  // out[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i], one row of n.
  void (*rms_norm)(const float* x, const float* weight, float eps, float* out, std::int64_t n);

  // Rotates pairs (i, i + head_dim/2) of each of `heads` heads in place; cos, sin: [head_dim / 2] of this
  // position.
  void (*rope)(float* x, std::int64_t heads, std::int64_t head_dim, const float* cos, const float* sin);

  // gate = silu(gate) * up: `rows` rows of n values, `stride` values apart in both.
  void (*swiglu)(float* gate, const float* up, std::int64_t stride, std::int64_t rows, std::int64_t n);

  // x += y, n values.
  void (*add)(float* x, const float* y, std::int64_t n);

  // Writes one token's keys and values of one KV head ([head_dim] f32 each) into its slot of a block. As int8
  // they are x / scale rounded to the nearest, scale = largest of the kKvScaleDims / 127 rounded to f16.
  void (*store_kv)(const KvLayer& kv, const KvSlot& at, const float* k, const float* v);

  // Causal attention of the query heads that share `kv_head`. scratch: attention_scratch_bytes, this thread's
  // own.
  void (*attend)(const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head, std::byte* scratch);

  // attend in two steps, for several threads and the same bits: what the rows (at most attention_part_rows)
  // gather over keys [part kPartKeys, (part + 1) kPartKeys), of which the last row sees at least one; then,
  // with all parts in `gathered`, attention_part_floats apart, the output rows.
  void (*attend_part)(const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head, std::int64_t part,
                      float* gathered, std::byte* scratch);
  void (*merge_parts)(const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head, float* gathered);

  // The same for rows of a prompt: by bf16 tiles where the table has them, else by 16-bit whole numbers.
  void (*attend_prompt)(const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head,
                        std::byte* scratch);

  // max and log(sum(exp(x - max))) of n values: for log-probabilities.
  void (*log_sum_exp)(const float* x, std::int64_t n, float* max, float* log_sum);
};

// What a token row is to its sequence. Arithmetic may depend on it, never on how many rows come along: tiles
// multiply many rows fastest in bf16, single rows come fastest by int8, and a row's bits are the same in any
// company.
enum class TokenRole : std::uint8_t {
  kPrompt,     // given by the client
  kGenerated,  // sampled by us and fed back
};

ActivationForm form_for(const Ops& ops, Compute compute, TokenRole role, DType weights);

// What the form kInt8 loses of a row: out[i] = x[i] less its rounded value. x and out: [k]. Multiplied as a
// row of its own and added, it leaves products with errors 2^-8 as large.
void int8_remainder(const float* x, std::int64_t k, float* out);

std::int64_t attention_scratch_bytes(std::int64_t head_dim, std::int64_t heads_per_kv);

std::int64_t attention_part_rows(std::int64_t heads_per_kv);
std::int64_t attention_part_floats(std::int64_t head_dim, std::int64_t queries);  // rows x heads_per_kv

// The most rows attend_prompt takes in one pass over keys and values.
std::int64_t prompt_item_rows(std::int64_t heads_per_kv);

}  // namespace atelier::kernels
