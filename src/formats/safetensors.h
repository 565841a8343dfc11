// A folder as Hugging Face publishes it: config.json, generation_config.json, tokenizer.json,
// tokenizer_config.json, chat_template.jinja, and model.safetensors (single, or shards with an index).
// Headers are bounded and checked: extents inside the file, no overlaps, no holes, no duplicate names,
// products that do not wrap. Format: safetensors' README; its own reader's checks are the model of ours.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "formats/tensor_source.h"

namespace atelier::formats {

class HfFolder : public TensorSource {
 public:
  static Result<std::unique_ptr<HfFolder>> open(const std::filesystem::path& folder);

  virtual const boost::json::object& config() const = 0;             // config.json
  virtual const boost::json::object& generation_config() const = 0;  // {} where absent
  virtual const boost::json::object& tokenizer_config() const = 0;   // {} where absent
  // chat_template.jinja, else tokenizer_config's (of several, the one named "default"); "" if none.
  virtual const std::string& chat_template() const = 0;
  // tokenizer.json, read at each call and not kept: parsed it is many times the file; {} where absent.
  virtual Result<boost::json::object> read_tokenizer() const = 0;
};

// One .safetensors file's tensors, in the header's order, over `bytes` (tests, fuzzing, adapters).
Result<std::vector<TensorEntry>> parse_safetensors(std::span<const std::byte> bytes);

}  // namespace atelier::formats
