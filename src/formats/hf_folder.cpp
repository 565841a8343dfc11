// HfFolder: the documents of a Hugging Face folder and the tensors of its shards.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <functional>
#include <set>
#include <utility>

#include "base/json.h"
#include "base/mapped_file.h"
#include "formats/safetensors.h"
#include "formats/tensor_index.h"

namespace atelier::formats {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kMaxConfigBytes = 4u << 20;
constexpr std::size_t kMaxTokenizerConfigBytes = 16u << 20;
constexpr std::size_t kMaxIndexBytes = 16u << 20;
constexpr std::size_t kMaxTokenizerBytes = 48u << 20;  // Gemma's, the largest seen, has 33 MB
constexpr std::size_t kMaxTemplateBytes = 1u << 20;

template <class T>
Result<T> named(const fs::path& path, Result<T> result) {
  if (!result) result.error().message = path.string() + ": " + result.error().message;
  return result;
}

Result<json::object> read_object(const fs::path& path, std::size_t max_bytes) {
  ATELIER_TRY(const MappedFile file, MappedFile::open(path));
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  auto value = named(path, parse_json(text, {.max_bytes = max_bytes}));
  if (!value) return fail(Fault::kCorrupt, "{}", value.error().message);
  if (!value->is_object()) return fail(Fault::kCorrupt, "{}: not a JSON object", path.string());
  return std::move(value->get_object());
}

Result<json::object> read_object_if_there(const fs::path& path, std::size_t max_bytes) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return json::object();
  return read_object(path, max_bytes);
}

// "chat_template": "…" or [{"name": "default", "template": "…"}, …].
std::string template_in(const json::object& tokenizer_config) {
  const json::value* found = tokenizer_config.if_contains("chat_template");
  if (found == nullptr) return "";
  if (const json::string* text = found->if_string()) return std::string(*text);
  const json::array* list = found->if_array();
  if (list == nullptr) return "";
  for (const json::value& item : *list) {
    const json::object* named_template = item.if_object();
    if (named_template == nullptr) continue;
    const json::value *name = named_template->if_contains("name"),
                      *body = named_template->if_contains("template");
    if (name != nullptr && *name == "default" && body != nullptr && body->is_string()) {
      return std::string(body->get_string());
    }
  }
  return "";
}

Result<std::string> read_template(const fs::path& folder, const json::object& tokenizer_config) {
  const fs::path path = folder / "chat_template.jinja";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return template_in(tokenizer_config);
  ATELIER_TRY(const MappedFile file, MappedFile::open(path));
  if (file.bytes().size() > kMaxTemplateBytes) {
    return fail(Fault::kCorrupt, "{} has {} bytes; the limit is {}", path.string(), file.bytes().size(),
                kMaxTemplateBytes);
  }
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
}

Status refuse_quantised(const fs::path& folder, const json::object& config) {
  const json::value* found = config.if_contains("quantization_config");
  if (found == nullptr || !found->is_object()) return {};
  const json::value* method = found->get_object().if_contains("quant_method");
  return fail(
      Fault::kUnsupported,
      "{}: the weights are quantised by {}, a layout that is not supported yet; use the model's GGUF file or "
      "its unquantised weights",
      folder.string(), method != nullptr ? json::serialize(*method) : "an unnamed method");
}

// A shard is a plain file name: it cannot lead out of the folder.
bool is_shard_name(std::string_view name) {
  const auto allowed = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-';
  };
  return name.size() <= 255 && name.ends_with(".safetensors") && !name.starts_with('.') &&
         std::ranges::all_of(name, allowed);
}

struct ShardPlan {
  std::vector<std::string> files;                             // each once
  std::vector<std::pair<std::string, std::string>> promised;  // tensor, file; empty without an index
};

Result<ShardPlan> read_index(const fs::path& path) {
  ATELIER_TRY(const json::object index, read_object(path, kMaxIndexBytes));
  const json::value* map = index.if_contains("weight_map");
  if (map == nullptr || !map->is_object()) {
    return fail(Fault::kCorrupt, "{}: no object \"weight_map\"", path.string());
  }
  ShardPlan plan;
  std::set<std::string> files;
  for (const auto& [tensor, file] : map->get_object()) {
    const json::string* name = file.if_string();
    if (name == nullptr || !is_shard_name(*name)) {
      return fail(Fault::kCorrupt, "{}: the shard {} is no plain file name ending in .safetensors",
                  path.string(), json::serialize(file));
    }
    files.emplace(*name);
    plan.promised.emplace_back(tensor, *name);
  }
  plan.files.assign(files.begin(), files.end());
  return plan;
}

Result<ShardPlan> plan_shards(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "model.safetensors", error)) return ShardPlan{{"model.safetensors"}, {}};
  const fs::path index = folder / "model.safetensors.index.json";
  if (fs::exists(index, error)) return read_index(index);
  int shards = 0;
  bool pickles = false;
  for (fs::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    if (file->path().extension() == ".safetensors") ++shards;
    if (file->path().extension() == ".bin" || file->path().extension() == ".pt") pickles = true;
  }
  if (shards > 0) {
    return fail(Fault::kNotFound,
                "{} holds {} .safetensors files but neither model.safetensors nor "
                "model.safetensors.index.json, which "
                "says what is in which: fetch the index as well",
                folder.string(), shards);
  }
  return fail(Fault::kNotFound, "{} holds no model.safetensors{}", folder.string(),
              pickles ? "; PyTorch's .bin and .pt files are not read, because they can run code" : "");
}

class OpenFolder : public HfFolder {
 public:
  json::object config_, generation_config_, tokenizer_config_;
  std::string chat_template_;
  fs::path folder_;
  std::vector<MappedFile> shards_;
  TensorIndex index_;

  std::span<const TensorEntry> tensors() const override { return index_.entries(); }
  const TensorEntry* find(std::string_view name) const override { return index_.find(name); }
  void release(const TensorEntry& entry) const override {
    for (const MappedFile& shard : shards_) {
      const std::span<const std::byte> bytes = shard.bytes();
      const bool inside = std::less_equal<>()(bytes.data(), entry.bytes.data()) &&
                          std::less<>()(entry.bytes.data(), bytes.data() + bytes.size());
      if (inside) shard.release(entry.bytes);
    }
  }
  std::int64_t file_bytes() const override {
    std::int64_t total = 0;
    for (const MappedFile& shard : shards_) total += static_cast<std::int64_t>(shard.bytes().size());
    return total;
  }
  std::string stamp() const override {
    std::string all;
    for (const MappedFile& shard : shards_) all += shard.stamp() + '\n';
    return all;
  }
  const json::object& config() const override { return config_; }
  const json::object& generation_config() const override { return generation_config_; }
  const json::object& tokenizer_config() const override { return tokenizer_config_; }
  const std::string& chat_template() const override { return chat_template_; }
  Result<json::object> read_tokenizer() const override {
    return read_object_if_there(folder_ / "tokenizer.json", kMaxTokenizerBytes);
  }

  Status read_documents() {
    ATELIER_TRY(config_, read_object(folder_ / "config.json", kMaxConfigBytes));
    ATELIER_TRY_STATUS(refuse_quantised(folder_, config_));
    ATELIER_TRY(generation_config_,
                read_object_if_there(folder_ / "generation_config.json", kMaxConfigBytes));
    ATELIER_TRY(tokenizer_config_,
                read_object_if_there(folder_ / "tokenizer_config.json", kMaxTokenizerConfigBytes));
    ATELIER_TRY(chat_template_, read_template(folder_, tokenizer_config_));
    return {};
  }

  Status read_shards() {
    ATELIER_TRY(const ShardPlan plan, plan_shards(folder_));
    std::vector<TensorEntry> entries;
    std::vector<std::pair<std::string, std::string>> there;  // tensor, file
    for (const std::string& file : plan.files) {
      ATELIER_TRY(MappedFile shard, MappedFile::open(folder_ / file));
      ATELIER_TRY(std::vector<TensorEntry> part, named(folder_ / file, parse_safetensors(shard.bytes())));
      for (TensorEntry& entry : part) {
        if (!plan.promised.empty()) there.emplace_back(entry.name, file);
        entries.push_back(std::move(entry));
      }
      shards_.push_back(std::move(shard));
    }
    ATELIER_TRY_STATUS(check_promised(plan, std::move(there)));
    ATELIER_TRY(index_, named(folder_, TensorIndex::build(std::move(entries))));
    return {};
  }

 private:
  Status check_promised(const ShardPlan& plan, std::vector<std::pair<std::string, std::string>> there) const {
    std::ranges::sort(there);
    for (const auto& promise : plan.promised) {
      if (std::ranges::binary_search(there, promise)) continue;
      return fail(Fault::kCorrupt, "{}: the index places tensor '{}' in {}, which does not hold it",
                  folder_.string(), promise.first, promise.second);
    }
    return {};
  }
};

}  // namespace

Result<std::unique_ptr<HfFolder>> HfFolder::open(const fs::path& folder) {
  auto opened = std::make_unique<OpenFolder>();
  opened->folder_ = folder;
  ATELIER_TRY_STATUS(opened->read_documents());
  ATELIER_TRY_STATUS(opened->read_shards());
  return opened;
}

}  // namespace atelier::formats
