#include "plan/kv_plan.h"

#include <algorithm>
#include <limits>
#include <string>

#include "kernels/ops.h"

namespace atelier::plan {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max() / 16;

std::int64_t free_bytes(const KvBudget& budget) {
  return budget.free_bytes > 0 ? budget.free_bytes : kNoLimit;
}

// Memory is taken in whole runs of blocks.
std::int64_t whole_runs(std::int64_t blocks) {
  return blocks < kernels::kRunBlocks ? blocks : blocks / kernels::kRunBlocks * kernels::kRunBlocks;
}

std::unexpected<Failure> refuse(std::string flag, std::string message) {
  return fail_param(Fault::kBadRequest, std::move(flag), std::move(message));
}

Status check_exact(const KvWishes& wishes) {
  const KvBudget& budget = wishes.budget;
  const std::int64_t free = free_bytes(budget), per_block = wishes.bytes_per_block;
  if (budget.kv_blocks > free / per_block) {
    return refuse("--num-gpu-blocks-override",
                  fmt::format("--num-gpu-blocks-override {}: {} MiB are free beside the model, enough for {} "
                              "blocks of {} KiB",
                              budget.kv_blocks, free >> 20, free / per_block, per_block >> 10));
  }
  if (budget.kv_bytes > free) {
    return refuse(
        "--kv-cache-memory-bytes",
        fmt::format("--kv-cache-memory-bytes {}: only {} are free beside the model", budget.kv_bytes, free));
  }
  if (budget.kv_bytes > 0 && budget.kv_bytes < per_block) {
    return refuse("--kv-cache-memory-bytes",
                  fmt::format("--kv-cache-memory-bytes {}: one block of {} tokens takes {}", budget.kv_bytes,
                              kernels::kBlockTokens, per_block));
  }
  return {};
}

// Not even one sequence: which flag asks for too much, and what would do.
std::unexpected<Failure> refuse_length(const KvWishes& wishes, std::int64_t length, std::int64_t most) {
  const std::int64_t tokens = std::max(length, kernels::kBlockTokens);
  const std::int64_t needed = blocks_for(tokens) * wishes.bytes_per_block;
  const KvBudget& budget = wishes.budget;
  if (budget.share > 0 && most < blocks_for(kernels::kBlockTokens)) {
    const double least = static_cast<double>(budget.other_bytes + needed) /
                         static_cast<double>(std::max<std::int64_t>(budget.whole_bytes, 1));
    return refuse(
        "--gpu-memory-utilization",
        fmt::format("--gpu-memory-utilization {}: that is {} MiB of {}; the model takes {} and one "
                    "sequence of {} tokens {}; {:.2f} would do",
                    budget.share,
                    static_cast<std::int64_t>(budget.share * static_cast<double>(budget.whole_bytes)) >> 20,
                    budget.whole_bytes >> 20, budget.other_bytes >> 20, tokens, needed >> 20, least + 0.005));
  }
  return refuse("--max-model-len",
                fmt::format("a sequence of {} tokens needs {} MiB of KV memory; {} MiB are available, enough "
                            "for --max-model-len {}",
                            tokens, needed >> 20, (most * wishes.bytes_per_block) >> 20,
                            std::min(most * kernels::kBlockTokens, wishes.declared_context)));
}

}  // namespace

std::int64_t blocks_for(std::int64_t tokens) {
  return (tokens + kernels::kBlockTokens - 1) / kernels::kBlockTokens;
}

KvRoom kv_room(const KvWishes& wishes) {
  const KvBudget& budget = wishes.budget;
  const std::int64_t per_block = std::max<std::int64_t>(wishes.bytes_per_block, 1), free = free_bytes(budget);
  if (budget.kv_blocks > 0) return {.ordinary = budget.kv_blocks, .most = budget.kv_blocks, .exact = true};
  if (budget.kv_bytes > 0) {
    const std::int64_t blocks = whole_runs(budget.kv_bytes / per_block);
    return {.ordinary = blocks, .most = blocks, .exact = true};
  }
  if (budget.share > 0 && budget.whole_bytes > 0) {
    const auto all = static_cast<std::int64_t>(budget.share * static_cast<double>(budget.whole_bytes));
    const std::int64_t blocks = std::clamp<std::int64_t>(all - budget.other_bytes, 0, free) / per_block;
    return {.ordinary = whole_runs(blocks), .most = blocks};
  }
  return {.ordinary = whole_runs(free / 4 / per_block), .most = free / 10 * 9 / per_block};
}

Result<KvPlan> plan_kv(const KvWishes& asked) {
  KvWishes wishes = asked;
  wishes.declared_context = std::max<std::int64_t>(asked.declared_context, 1);
  wishes.bytes_per_block = std::max<std::int64_t>(asked.bytes_per_block, 1);
  if (wishes.max_model_len > wishes.declared_context) {
    return refuse("--max-model-len",
                  fmt::format("--max-model-len {} is more than the {} tokens this model declares",
                              wishes.max_model_len, wishes.declared_context));
  }
  ATELIER_TRY_STATUS(check_exact(wishes));
  const KvRoom room = kv_room(wishes);
  KvPlan plan;
  plan.max_model_len = wishes.max_model_len > 0 ? wishes.max_model_len : wishes.declared_context;
  if (blocks_for(plan.max_model_len) > room.ordinary && wishes.max_model_len == 0) {
    plan.max_model_len = room.ordinary * kernels::kBlockTokens;
    plan.reduced = true;
  }
  const std::int64_t one = blocks_for(plan.max_model_len);
  if (one == 0 || one > room.most) return refuse_length(wishes, plan.max_model_len, room.most);
  // room for every sequence at full length, as far as the budget goes
  const std::int64_t wanted = std::max<std::int64_t>(wishes.max_sequences, 1) * one;
  plan.blocks = room.exact ? room.ordinary : std::max(one, std::min(wanted, room.ordinary));
  plan.bytes = plan.blocks * wishes.bytes_per_block;
  plan.full_sequences = static_cast<double>(plan.blocks) / static_cast<double>(one);
  return plan;
}

}  // namespace atelier::plan
