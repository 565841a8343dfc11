#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/cpu_features.h"
#include "kernels/benchmark.h"
#include "kernels/packed_matrix.h"
#include "kernels/panel_layout.h"

namespace atelier::kernels {
namespace {

using Clock = std::chrono::steady_clock;

constexpr DType kKinds[] = {DType::kQ4_0,   DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                            DType::kQ2_K,   DType::kQ3_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K,
                            DType::kIQ4_NL, DType::kF16,  DType::kBF16, DType::kF32};
constexpr std::int64_t kRowCounts[] = {1, 8, 64, 512};

// A matrix of plain bytes: speed does not depend on the values, and 0x3c3c is 1.06 as f16. One packed panel
// is not decoded from any file, so it is filled in place.
PackedMatrix filled_matrix(DType kind, std::int64_t n, std::int64_t k) {
  PackedMatrix matrix = allocate_packed(kind, n, k);
  std::memset(matrix.data.data(), 0x3c, matrix.data.size());
  return matrix;
}

// What bounds this form on this table: the unit itself, or what is left of it where every group of 32 has a
// scale.
std::string limit_of(const Ops& table, ActivationForm form) {
  const std::string unit = unit_of(table, form);
  return unit == "int8 amx" ? "int8 amx, groups of 32" : unit;
}

struct Case {
  const PackedMatrix& w;
  ActivationForm form;
  std::int64_t rows;
};

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Seconds {
  double product, read;  // of one product over all threads; of reading the weights. Taken in turn; medians.
};

Seconds seconds_of(const Ops& table, ThreadPool& pool, const Case& c) {
  constexpr int kRuns = 5;
  const AlignedBuffer x(static_cast<std::size_t>(c.rows * c.w.k * 4));
  const AlignedBuffer y(static_cast<std::size_t>(c.rows * c.w.n * 4));
  const AlignedBuffer scratch(static_cast<std::size_t>(activation_bytes(c.form, c.rows, c.w.k)));
  for (std::int64_t i = 0; i < c.rows * c.w.k; ++i) x.as<float>()[i] = static_cast<float>(i % 17 - 8);
  const Activations view = activation_view(c.form, c.rows, c.w.k, scratch.data());
  table.prepare({x.as<float>(), c.w.k, 0, c.rows, 0, c.w.k}, c.form, view);
  std::vector<double> product, read;
  for (int run = 0; run <= kRuns; ++run) {
    const double read_once = read_seconds(pool, c.w.data.data(), static_cast<std::int64_t>(c.w.data.size()));
    const auto start = Clock::now();
    pool.split(c.w.panels, [&](int, std::int64_t begin, std::int64_t end) {
      table.linear(c.w, view, c.form, nullptr, y.as<float>(), c.w.n, begin, end);
    });
    if (run == 0) continue;  // warms caches and pages
    product.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    read.push_back(read_once);
  }
  return {median(product), median(read)};
}

Measurement measure(const Ops& table, ThreadPool& pool, const Machine& machine, const Case& c) {
  const Seconds seconds = seconds_of(table, pool, c);
  const double bytes = static_cast<double>(c.w.data.size());
  const double around = static_cast<double>(c.rows * (c.w.k + c.w.n) * std::int64_t{sizeof(float)});
  const double operations =
      2.0 * static_cast<double>(c.rows) * static_cast<double>(c.w.n) * static_cast<double>(c.w.k);
  Measurement out;
  out.label = traits(c.w.source).name;
  out.series = std::to_string(c.rows) + (c.rows == 1 ? " row" : " rows");
  out.name = "linear " + out.label + " " + out.series;
  out.operations = operations;
  out.bytes = bytes + around;
  out.seconds = seconds.product;
  const std::string unit = limit_of(table, c.form);
  const double peak = machine.operations_per_s(unit);
  const double unit_seconds = peak > 0.0 ? operations / peak : 0.0;
  if (seconds.read >= unit_seconds) {
    out.unit = "GB/s";
    out.value = bytes / seconds.product / 1e9;
    out.limit = "reading the weights";
    out.share = seconds.read / seconds.product;
  } else {
    out.unit = c.form == ActivationForm::kInt8 ? "TOP/s" : "TFLOP/s";
    out.value = operations / seconds.product / 1e12;
    out.limit = unit;
    out.share = unit_seconds / seconds.product;
  }
  return out;
}

}  // namespace

std::string unit_of(const Ops& table, ActivationForm form) {
  const std::string isa = table.isa;
  if (isa == "scalar") return "";
  const bool is_avx2 = isa.starts_with("avx2");
  if (form == ActivationForm::kInt8) {
    if (isa == "avx2" && cpu_features().avx_vnni) return "int8 avxvnni";
    return is_avx2 ? "int8 avx2" : "int8 " + isa;
  }
  if (form == ActivationForm::kBF16 && !is_avx2) return "bf16 " + isa;
  return is_avx2 ? "f32 avx2" : "f32 avx512";
}

std::vector<Measurement> measure_linear(const Ops& table, ThreadPool& pool, const Machine& machine,
                                        const std::function<void(const Measurement&)>& done) {
  constexpr std::int64_t kDepth = 2048, kLargeBytes = 160 << 20, kSmallOutputs = 4096;
  const bool slow = std::string(table.isa) == "scalar";
  std::vector<Measurement> out;
  for (const DType kind : kKinds) {
    // Few rows: too large for any cache. Many rows: the size of a layer.
    const std::int64_t per_output = *row_bytes(kind, kDepth);
    const PackedMatrix large = filled_matrix(kind, slow ? 1024 : kLargeBytes / per_output, kDepth);
    const PackedMatrix small = filled_matrix(kind, kSmallOutputs, kDepth);
    for (const std::int64_t rows : kRowCounts) {
      if (slow && rows > 8) continue;
      const Case c = {
          rows <= 8 ? large : small,
          form_for(table, Compute::kAuto, rows <= 64 ? TokenRole::kGenerated : TokenRole::kPrompt, kind),
          rows};
      out.push_back(measure(table, pool, machine, c));
      if (done) done(out.back());
    }
  }
  return out;
}

}  // namespace atelier::kernels
