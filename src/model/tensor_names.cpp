#include "model/tensor_names.h"

#include <fmt/format.h>

namespace atelier::model {
namespace {

struct Name {
  std::string_view gguf, hugging_face;
};

constexpr Name name_of(LayerTensor tensor) {
  switch (tensor) {
    case LayerTensor::kAttentionNorm:
      return {"attn_norm", "input_layernorm"};
    case LayerTensor::kFfnNorm:
      return {"ffn_norm", "post_attention_layernorm"};
    case LayerTensor::kQuery:
      return {"attn_q", "self_attn.q_proj"};
    case LayerTensor::kKey:
      return {"attn_k", "self_attn.k_proj"};
    case LayerTensor::kValue:
      return {"attn_v", "self_attn.v_proj"};
    case LayerTensor::kOutput:
      return {"attn_output", "self_attn.o_proj"};
    case LayerTensor::kGate:
      return {"ffn_gate", "mlp.gate_proj"};
    case LayerTensor::kUp:
      return {"ffn_up", "mlp.up_proj"};
    case LayerTensor::kDown:
      return {"ffn_down", "mlp.down_proj"};
  }
  return {};
}

}  // namespace

TensorNames TensorNames::of(const formats::TensorSource& source) {
  return TensorNames(source.find("token_embd.weight") != nullptr);
}

std::string TensorNames::layer(std::int64_t index, LayerTensor tensor, std::string_view suffix) const {
  const Name name = name_of(tensor);
  return gguf_ ? fmt::format("blk.{}.{}.{}", index, name.gguf, suffix)
               : fmt::format("model.layers.{}.{}.{}", index, name.hugging_face, suffix);
}

}  // namespace atelier::model
