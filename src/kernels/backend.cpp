#include "kernels/backend.h"

#include "base/cpu_features.h"
#include "kernels/attention_ops.h"
#include "kernels/linear_ops.h"
#include "kernels/rowwise_ops.h"

namespace atelier::kernels {
namespace {

constexpr const char* kWithoutVnni = "avx2-without-vnni";

Ops assemble(const char* isa, const LinearOps& linear, const RowwiseOps& rowwise,
             const AttentionOps& attention) {
  return {.isa = isa,
          .bf16_prompts = linear.bf16_prompts,
          .prepare = linear.prepare,
          .linear = linear.linear,
          .rms_norm = rowwise.rms_norm,
          .rope = rowwise.rope,
          .swiglu = rowwise.swiglu,
          .add = rowwise.add,
          .store_kv = attention.store_kv,
          .attend = attention.attend,
          .attend_part = attention.attend_part,
          .merge_parts = attention.merge_parts,
          .attend_prompt = attention.attend_prompt,
          .log_sum_exp = rowwise.log_sum_exp};
}

// Tiles multiply matrices and attend to prompts; the rest is AVX-512 in both of the wider tables.
std::vector<Ops> assemble_all() {
  const CpuFeatures& cpu = cpu_features();
  std::vector<Ops> tables = {assemble("scalar", kLinearScalar, kRowwiseScalar, kAttentionScalar)};
  if (cpu.avx2) {
    tables.push_back(cpu.avx_vnni ? assemble("avx2", kLinearAvxVnni, kRowwiseAvx2, kAttentionAvxVnni)
                                  : assemble("avx2", kLinearAvx2, kRowwiseAvx2, kAttentionAvx2));
  }
  if (cpu.avx512) {
    const LinearOps& linear = cpu.avx512_bf16 ? kLinearAvx512Bf16 : kLinearAvx512;
    tables.push_back(assemble("avx512", linear, kRowwiseAvx512, kAttentionAvx512));
  }
  if (cpu.amx) tables.push_back(assemble("amx", kLinearAmx, kRowwiseAvx512, kAttentionAmx));
  return tables;
}

// What "avx2" is on processors without AVX-VNNI. No table of its own, but it can be named where it would not
// be taken, to be measured.
const Ops* without_vnni(std::string_view isa) {
  static const Ops table = assemble(kWithoutVnni, kLinearAvx2, kRowwiseAvx2, kAttentionAvx2);
  return isa == kWithoutVnni && cpu_features().avx_vnni ? &table : nullptr;
}

}  // namespace

std::vector<const Ops*> available_tables() {
  static const std::vector<Ops> tables = assemble_all();
  std::vector<const Ops*> out;
  for (const Ops& table : tables) out.push_back(&table);
  return out;
}

Result<const Ops*> choose_table(std::string_view isa) {
  const std::vector<const Ops*> tables = available_tables();
  if (isa.empty()) return tables.back();
  if (const Ops* table = without_vnni(isa)) return table;
  std::string names;
  for (const Ops* table : tables) {
    if (isa == table->isa) return table;
    names += (names.empty() ? "" : ", ") + std::string(table->isa);
  }
  return fail(Fault::kUnsupported, "--isa {} is not available here; this machine has: {}", isa, names);
}

}  // namespace atelier::kernels
