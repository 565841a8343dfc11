#include "bundle/model_bundle.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "bundle/generation_defaults.h"
#include "bundle/tokenizer_files.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"

namespace atelier::bundle {
namespace {

namespace fs = std::filesystem;

std::string text_of(const ModelBundle& bundle, text::TokenId text::TokenizerData::* which) {
  if (!bundle.tokenizer) return "";
  return std::string(bundle.tokenizer->bytes(bundle.tokenizer->data().*which));
}

// A broken template does not keep a model from completing text.
std::optional<text::ChatTemplate> parse_template(std::string source, const fs::path& path) {
  if (source.empty()) return std::nullopt;
  auto parsed = text::ChatTemplate::parse(std::move(source));
  if (parsed) return std::move(*parsed);
  log_warning("{}: its chat template cannot be used, so the model cannot chat: {}", path.string(),
              parsed.error().message);
  return std::nullopt;
}

// Every id the tokenizer produces must have a row in the embedding.
Status add_tokenizer(ModelBundle& bundle, std::optional<text::TokenizerData> data) {
  if (!data) return {};
  ATELIER_TRY(bundle.tokenizer, text::Tokenizer::create(std::move(*data)));
  if (bundle.tokenizer->size() > bundle.config.vocab_rows) {
    return fail(Fault::kCorrupt, "the tokenizer has {} tokens, but the embedding only {} rows",
                bundle.tokenizer->size(), bundle.config.vocab_rows);
  }
  return {};
}

Status refuse_part_files(const formats::GgufFile& file) {
  if (file.string("general.type") == "adapter") {
    return fail(Fault::kUnsupported, "this is an adapter, not a model: open the model it was trained on");
  }
  if (const auto parts = file.integer("split.count"); parts.value_or(1) > 1) {
    return fail(Fault::kUnsupported,
                "this is one of {} parts of a model; join them first (llama-gguf-split --merge)", *parts);
  }
  return {};
}

Status fill_from_gguf(ModelBundle& bundle) {
  ATELIER_TRY(std::unique_ptr<formats::GgufFile> file, formats::GgufFile::open(bundle.path));
  ATELIER_TRY_STATUS(refuse_part_files(*file));
  ATELIER_TRY(bundle.config, model::config_from_gguf(*file));
  ATELIER_TRY(auto tokenizer, tokenizer_from_gguf(*file));
  ATELIER_TRY_STATUS(add_tokenizer(bundle, std::move(tokenizer)));
  bundle.chat_template = parse_template(file->string("tokenizer.chat_template").value_or(""), bundle.path);
  bundle.source = std::move(file);
  return {};
}

Status fill_from_hf(ModelBundle& bundle) {
  ATELIER_TRY(std::unique_ptr<formats::HfFolder> folder, formats::HfFolder::open(bundle.path));
  ATELIER_TRY(bundle.config, model::config_from_hf(folder->config()));
  ATELIER_TRY(auto tokenizer, tokenizer_from_hf(*folder));
  ATELIER_TRY_STATUS(add_tokenizer(bundle, std::move(tokenizer)));
  bundle.chat_template = parse_template(folder->chat_template(), bundle.path);
  bundle.generation = read_generation_defaults(folder->generation_config());
  bundle.source = std::move(folder);
  return {};
}

// A folder may hold one GGUF file in place of safetensors: that file, or the folder itself.
Result<fs::path> what_to_open(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return fail(Fault::kNotFound, "there is no {}", path.string());
  if (!fs::is_directory(path, error)) {
    if (path.extension() == ".safetensors") {
      return fail(Fault::kUnsupported, "{} holds weights only; open the folder it is in", path.string());
    }
    return path;
  }
  const bool safetensors = fs::exists(path / "model.safetensors", error) ||
                           fs::exists(path / "model.safetensors.index.json", error);
  if (safetensors) return path;
  std::vector<std::string> found;
  for (fs::directory_iterator file(path, error), end; !error && file != end; file.increment(error)) {
    if (file->path().extension() == ".gguf") found.push_back(file->path().filename().string());
  }
  if (found.size() == 1) return path / found.front();
  if (found.empty()) return path;
  std::ranges::sort(found);
  return fail(Fault::kNotFound, "{} holds {} GGUF files; name one: {}", path.string(), found.size(),
              fmt::join(found, ", "));
}

}  // namespace

std::string ModelBundle::bos_text() const {
  return text_of(*this, &text::TokenizerData::bos);
}

std::string ModelBundle::eos_text() const {
  return text_of(*this, &text::TokenizerData::eos);
}

Result<ModelBundle> open_bundle(const fs::path& path) {
  ModelBundle bundle;
  ATELIER_TRY(bundle.path, what_to_open(path));
  std::error_code error;
  const Status filled = fs::is_directory(bundle.path, error) ? fill_from_hf(bundle) : fill_from_gguf(bundle);
  if (filled) return bundle;
  Failure failure = filled.error();
  if (!failure.message.contains(bundle.path.string())) {
    failure.message = bundle.path.string() + ": " + failure.message;
  }
  return std::unexpected(std::move(failure));
}

}  // namespace atelier::bundle
