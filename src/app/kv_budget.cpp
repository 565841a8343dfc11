#include "app/kv_budget.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "kernels/ops.h"

namespace atelier::app {
namespace {

std::optional<std::int64_t> read_number(const char* path) {
  std::ifstream in(path);
  std::int64_t value = 0;
  return in >> value ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> mem_available() {
  std::ifstream in("/proc/meminfo");
  std::string key, unit;
  std::int64_t kibibytes = 0;
  while (in >> key >> kibibytes) {
    std::getline(in, unit);
    if (key == "MemAvailable:") return kibibytes * 1024;
  }
  return std::nullopt;
}

std::int64_t blocks_for(std::int64_t tokens) {
  return (tokens + kernels::kBlockTokens - 1) / kernels::kBlockTokens;
}

}  // namespace

std::int64_t available_memory() {
  std::int64_t least = mem_available().value_or(std::numeric_limits<std::int64_t>::max());
  const auto limit = read_number("/sys/fs/cgroup/memory.max");  // "max" = none
  const auto used = read_number("/sys/fs/cgroup/memory.current");
  if (limit && used) least = std::min(least, std::max<std::int64_t>(*limit - *used, 1));
  return least == std::numeric_limits<std::int64_t>::max() ? 0 : least;
}

Result<KvPlan> plan_kv(const KvWishes& wishes) {
  const std::int64_t declared = std::max<std::int64_t>(wishes.declared_context, 1);
  if (wishes.max_model_len > declared) {
    return fail_param(Fault::kBadRequest, "--max-model-len",
                      fmt::format("--max-model-len {} is more than the {} tokens this model declares",
                                  wishes.max_model_len, declared));
  }
  const std::int64_t per_block = std::max<std::int64_t>(wishes.bytes_per_block, 1);
  const std::int64_t available =
      wishes.available_bytes > 0 ? wishes.available_bytes : std::numeric_limits<std::int64_t>::max();
  const std::int64_t room = available / 4 / per_block;  // blocks of the ordinary budget
  KvPlan plan;
  plan.max_model_len = wishes.max_model_len > 0 ? wishes.max_model_len : declared;
  const std::int64_t most = available / 10 * 9 / per_block;  // blocks, for a length that was asked for
  if (blocks_for(plan.max_model_len) > room && wishes.max_model_len == 0) {
    plan.max_model_len = room * kernels::kBlockTokens;
    plan.reduced = true;
  }
  const std::int64_t one = blocks_for(plan.max_model_len);
  if (one == 0 || one > most) {
    return fail_param(
        Fault::kBadRequest, "--max-model-len",
        fmt::format("a sequence of {} tokens needs {} MiB of KV memory; {} MiB are available, enough for "
                    "--max-model-len {}",
                    std::max(plan.max_model_len, kernels::kBlockTokens),
                    std::max<std::int64_t>(one, 1) * per_block >> 20, available >> 20,
                    std::min(most * kernels::kBlockTokens, declared)));
  }
  // room for every sequence at full length, as far as the budget goes
  const std::int64_t wanted = std::max<std::int64_t>(wishes.max_sequences, 1) * one;
  plan.blocks = std::max(one, std::min(wanted, room));
  plan.full_sequences = static_cast<double>(plan.blocks) / static_cast<double>(one);
  return plan;
}

}  // namespace atelier::app
