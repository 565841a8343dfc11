#include "plan/forecast.h"

#include <algorithm>
#include <cmath>

#include "kernels/ops.h"
#include "plan/step_cost.h"

namespace atelier::plan {
namespace {

KvWishes kv_wishes(const model::ModelConfig& config, const Forecast& out, const Place& place) {
  KvWishes wishes{.bytes_per_block = out.kv_bytes_per_token * kernels::kBlockTokens,
                  .declared_context = config.reach(),
                  .max_model_len = out.context,
                  .max_sequences = out.users};
  const std::int64_t other = out.weights_bytes + out.working_bytes;
  wishes.budget = {
      .free_bytes = place.free_bytes > 0 ? std::max<std::int64_t>(place.free_bytes - other, 1) : 0,
      .whole_bytes = place.whole_bytes,
      .other_bytes = other,
      .share = place.share};
  return wishes;
}

Floor floor_of(double operations, double bytes, const Place& place) {
  Floor floor{.operations = operations, .bytes = bytes};
  if (place.operations_per_s > 0) floor.seconds = operations / place.operations_per_s;
  if (place.bytes_per_s > 0) floor.seconds = std::max(floor.seconds, bytes / place.bytes_per_s);
  return floor;
}

void add_floors(Forecast& out, const StepCost& cost, const Place& place) {
  const auto keys = static_cast<double>(out.context), users = static_cast<double>(out.users);
  const double per_token =
      cost.matrix_operations_per_token + cost.head_operations + keys * cost.attention_operations_per_key;
  out.prefill = floor_of(cost.prefill_operations(0, keys), cost.weight_bytes, place);
  out.decode_one = floor_of(per_token, cost.decode_bytes(1, keys), place);
  out.decode_all = floor_of(users * per_token, cost.decode_bytes(users, keys), place);
}

std::string what_breaks(const Forecast& out, const model::ModelConfig& config, const KvRoom& room) {
  if (room.most == 0) return "memory: not even the weights and one block of keys and values fit";
  if (out.full_users == 0) {
    return fmt::format("memory for keys and values: one user of {} tokens does not fit, one of {} does",
                       out.context, out.largest_context);
  }
  const std::string users =
      fmt::format("memory for keys and values, at {} users of {} tokens", out.full_users + 1, out.context);
  if (out.largest_context >= config.reach()) {
    return fmt::format("the model's context of {} tokens, before memory does; with more users {}",
                       config.reach(), users);
  }
  return fmt::format("{}, or at more than {} tokens for {}", users, out.largest_context, out.users);
}

}  // namespace

Forecast forecast(const model::ModelConfig& config, const Footprint& footprint, const Place& place,
                  const ForecastWishes& wishes) {
  Forecast out;
  out.weights_bytes = footprint.weights_bytes;
  out.working_bytes = footprint.working_bytes;
  out.kv_bytes_per_token = static_cast<std::int64_t>(std::llround(
      static_cast<double>(2 * config.layers * config.kv_heads * config.head_dim) * wishes.kv_element_bytes));
  out.users = std::max<std::int64_t>(wishes.users, 1);
  out.context = wishes.context;
  const KvWishes kv = kv_wishes(config, out, place);
  const KvRoom room = kv_room(kv);
  const auto plan = plan_kv(kv);
  if (plan) {
    out.context = plan->max_model_len;
    out.kv_blocks = plan->blocks;
    out.kv_bytes = plan->bytes;
  } else if (out.context == 0) {
    out.context = config.reach();
  }
  const std::int64_t one = blocks_for(out.context);
  out.kv_room_bytes = room.ordinary * kv.bytes_per_block;
  out.full_users = std::max<std::int64_t>(room.ordinary / one, one <= room.most ? 1 : 0);
  out.fits = out.users <= out.full_users;
  const std::int64_t blocks_each =
      std::max(room.ordinary / out.users, out.users == 1 ? room.most : std::int64_t{0});
  out.largest_context = std::min(blocks_each * kernels::kBlockTokens, config.reach());
  out.breaks_first = what_breaks(out, config, room);
  StepCost cost = step_cost(config, footprint.shapes, DType::kF16);
  cost.kv_bytes_per_token = static_cast<double>(out.kv_bytes_per_token);
  add_floors(out, cost, place);
  return out;
}

}  // namespace atelier::plan
