#include "app/model_options.h"

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "kernels/backend.h"

namespace atelier::app {
namespace {

const std::map<std::string, kernels::Compute> kComputeModes = {
    {"auto", kernels::Compute::kAuto}, {"bf16", kernels::Compute::kBF16}, {"fp32", kernels::Compute::kF32}};

const std::map<std::string, kernels::TokenRole> kPerformanceModes = {
    {"interactivity", kernels::TokenRole::kGenerated}, {"throughput", kernels::TokenRole::kPrompt}};

const std::map<std::string, model::KvKind> kKvKinds = {
    {"auto", model::KvKind::kAuto}, {"float16", model::KvKind::kAuto}, {"int8", model::KvKind::kInt8}};

// "" = this machine has it; else why not, naming those it has.
std::string check_isa(const std::string& isa) {
  const auto table = kernels::choose_table(isa);
  return table ? std::string() : table.error().message;
}

}  // namespace

void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("MODEL,--model", options.model, "a file, a folder, a hub id or a catalogue name")
      ->required();
  command.add_option("--threads", options.threads, "threads of the step (default: one per core)")
      ->check(CLI::Range(1, 1024));
  command.add_option("--isa", options.isa, "instruction set: scalar, avx2, avx512, amx (default: the best)")
      ->check(CLI::Validator(check_isa, "ISA"));
  command.add_option("--compute", options.decoder.compute, "how products are formed: auto, bf16, fp32")
      ->transform(CLI::CheckedTransformer(kComputeModes, CLI::ignore_case).description("auto|bf16|fp32"));
  command
      .add_option(
          "--performance-mode", options.decoder.generated_as,
          "interactivity: one answer at the memory's speed (default); throughput: many at once, on AMX "
          "in bf16")
      ->transform(CLI::CheckedTransformer(kPerformanceModes, CLI::ignore_case)
                      .description("interactivity|throughput"));
  command
      .add_option("--kv-cache-dtype", options.decoder.kv,
                  "how keys and values are kept: auto (f16; f32 with --compute fp32), int8 (half the room)")
      ->transform(CLI::CheckedTransformer(kKvKinds, CLI::ignore_case).description("auto|float16|int8"));
  command.add_option("--max-model-len", options.max_model_len, "tokens of prompt and output of one sequence")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30));
  command.add_option("--packed-cache", options.packed_cache,
                     "folder that keeps the packed weights; later starts map them instead of packing");
}

Result<ModelOptions> model_options(const config::ServeConfig::Model& model) {
  if (const std::string why = check_isa(model.isa); !why.empty()) {
    return fail_param(Fault::kBadRequest, "--isa", "--isa: " + why);
  }
  return ModelOptions{.model = model.name,
                      .threads = model.threads,
                      .isa = model.isa,
                      .decoder = {.compute = kComputeModes.at(model.compute),
                                  .generated_as = kPerformanceModes.at(model.performance_mode),
                                  .kv = model.int8_kv ? model::KvKind::kInt8 : model::KvKind::kAuto},
                      .max_model_len = model.max_model_len,
                      .packed_cache = model.packed_cache,
                      .hub = {.cache = model.download_dir, .token = model.hf_token}};
}

const char* compute_name(kernels::Compute compute) {
  for (const auto& [name, mode] : kComputeModes) {
    if (mode == compute) return name.c_str();
  }
  return "";
}

}  // namespace atelier::app
