// A PublishedModel is a Qwen2.5 model that is not here, as its publisher describes it: the shapes of its
// tensors and nothing in them. It lets a plan be made before anything is fetched.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "formats/tensor_source.h"
#include "model/config.h"
#include "model/tensor_names.h"

namespace atelier::plan {

class PublishedModel : public formats::TensorSource {
 public:
  // By a name like "Qwen/Qwen2.5-7B-Instruct", "…-GGUF:Q4_K_M", "…-AWQ", "qwen2.5-coder-1.5b-instruct-q8_0":
  // size and weights' format as the name says, bf16 where it does not. nullptr: no name of this family.
  static std::unique_ptr<PublishedModel> named(const std::string& name);

  const model::ModelConfig& config() const { return config_; }
  const std::string& format() const { return format_; }  // "BF16", "Q4_K_M", …

  std::span<const formats::TensorEntry> tensors() const override { return entries_; }
  const formats::TensorEntry* find(std::string_view name) const override;
  void release(const formats::TensorEntry&) const override {}
  std::int64_t file_bytes() const override;

 private:
  PublishedModel(model::ModelConfig config, std::string format);
  void add(std::string name, DType dtype, std::vector<std::int64_t> shape);
  void add_layer(std::int64_t index, const model::TensorNames& names);
  DType format_of(model::LayerTensor tensor, std::int64_t layer, std::int64_t columns) const;

  model::ModelConfig config_;
  std::string format_;
  std::vector<std::byte> zeros_;  // what the small vectors hold
  std::vector<formats::TensorEntry> entries_;
};

}  // namespace atelier::plan
