// atelier inspect: what is in a model's files, and what running it needs; nothing is loaded.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/report.h"
#include "bundle/model_bundle.h"
#include "formats/gguf.h"
#include "formats/model_hub.h"
#include "model/kv_store.h"

namespace atelier::app {
namespace {

struct FormatShare {
  DType dtype;
  std::int64_t tensors = 0, values = 0, bytes = 0;
};

struct Inspection {
  std::string id, path, name, license;
  model::ModelConfig config;
  std::int64_t parameters = 0, file_bytes = 0, weights_bytes = 0;
  std::vector<FormatShare> formats;  // the largest first
  std::int64_t vocabulary = 0;       // real ids; 0 without a tokenizer
  bool has_template = false;
  std::int64_t kv_bytes_per_token = 0;

  std::int64_t context_bytes() const { return kv_bytes_per_token * config.max_context; }
};

std::string metadata(const formats::TensorSource& source, const char* key) {
  const auto* gguf = dynamic_cast<const formats::GgufFile*>(&source);
  return gguf != nullptr ? gguf->string(key).value_or("") : "";
}

void count_tensors(const formats::TensorSource& source, Inspection& out) {
  std::map<DType, FormatShare> shares;
  for (const formats::TensorEntry& tensor : source.tensors()) {
    FormatShare& share = shares.try_emplace(tensor.dtype, FormatShare{.dtype = tensor.dtype}).first->second;
    ++share.tensors;
    share.values += tensor.values();
    share.bytes += std::ssize(tensor.bytes);
  }
  for (const auto& [dtype, share] : shares) {
    out.formats.push_back(share);
    out.parameters += share.values;
    out.weights_bytes += share.bytes;
  }
  std::ranges::sort(out.formats, std::greater<>(), &FormatShare::bytes);
}

Result<Inspection> inspect(const std::string& model) {
  ATELIER_TRY(const formats::LocatedModel located, formats::fetch_model(model));
  ATELIER_TRY(const bundle::ModelBundle bundle, bundle::open_bundle(located.path));
  Inspection out;
  out.id = located.id;
  out.path = located.path.string();
  out.config = bundle.config;
  out.name = bundle.config.name;
  out.license = metadata(*bundle.source, "general.license");
  out.file_bytes = bundle.source->file_bytes();
  count_tensors(*bundle.source, out);
  out.vocabulary = bundle.tokenizer ? bundle.tokenizer->size() : 0;
  out.has_template = bundle.chat_template.has_value();
  out.kv_bytes_per_token =
      model::KvStore::bytes_per_block(bundle.config, DType::kF16) / kernels::kBlockTokens;
  return out;
}

boost::json::object to_json(const Inspection& model) {
  const model::ModelConfig& config = model.config;
  boost::json::array formats;
  for (const FormatShare& share : model.formats) {
    formats.push_back(boost::json::object{{"type", traits(share.dtype).name},
                                          {"tensors", share.tensors},
                                          {"parameters", share.values},
                                          {"bytes", share.bytes}});
  }
  return {{"id", model.id},
          {"path", model.path},
          {"name", model.name},
          {"license", model.license},
          {"architecture", config.architecture},
          {"parameters", model.parameters},
          {"layers", config.layers},
          {"hidden", config.hidden},
          {"heads", config.heads},
          {"kv_heads", config.kv_heads},
          {"head_dim", config.head_dim},
          {"ffn", config.ffn},
          {"tied", config.tied},
          {"context", config.max_context},
          {"vocabulary", model.vocabulary},
          {"vocabulary_rows", config.vocab_rows},
          {"chat_template", model.has_template},
          {"formats", std::move(formats)},
          {"file_bytes", model.file_bytes},
          {"weights_bytes", model.weights_bytes},
          {"kv_bytes_per_token", model.kv_bytes_per_token},
          {"kv_bytes_full_context", model.context_bytes()},
          {"memory_bytes", model.weights_bytes + model.context_bytes()}};
}

std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

void print(const Inspection& model) {
  const model::ModelConfig& config = model.config;
  const auto line = [](std::string_view what, const std::string& value) {
    fmt::print("{:<14}{}\n", what, value);
  };
  line("model", model.id);
  if (!model.name.empty()) line("name", model.name);
  if (!model.license.empty()) line("license", model.license);
  line("file", fmt::format("{} ({})", model.path, mebibytes(model.file_bytes)));
  line("architecture",
       fmt::format("{}, {} layers, hidden {}, {} heads over {} of keys and values, feed-forward {}",
                   config.architecture, config.layers, config.hidden, config.heads, config.kv_heads,
                   config.ffn));
  line("parameters", fmt::format("{:.1f} M", static_cast<double>(model.parameters) * 1e-6));
  for (const FormatShare& share : model.formats) {
    line("", fmt::format("{:<6} {:4} tensors, {:8.1f} M, {}", traits(share.dtype).name, share.tensors,
                         static_cast<double>(share.values) * 1e-6, mebibytes(share.bytes)));
  }
  line("vocabulary", fmt::format("{} tokens, {} rows", model.vocabulary, config.vocab_rows));
  line("context", fmt::format("{} tokens", config.max_context));
  line("chat template", model.has_template ? "yes" : "no");
  line("needs", fmt::format("{} of weights + {:.1f} KiB per token of context", mebibytes(model.weights_bytes),
                            static_cast<double>(model.kv_bytes_per_token) / 1024));
  line("", fmt::format("{} with one whole context", mebibytes(model.weights_bytes + model.context_bytes())));
}

}  // namespace

void add_inspect(CLI::App& root, Chosen& chosen) {
  struct Options {
    std::string model;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = root.add_subcommand("inspect", "Show what is in a model and what it needs");
  command->add_option("MODEL,--model", options->model, "a file, a folder, a hub id or a catalogue name")
      ->required();
  command->add_flag("--json", options->json, "print one JSON object");
  command->callback([&chosen, options] {
    chosen.run = [options] {
      const Result<Inspection> model = inspect(options->model);
      if (!model) return report(model.error());
      if (options->json) {
        fmt::print("{}\n", boost::json::serialize(to_json(*model)));
      } else {
        print(*model);
      }
      return 0;
    };
  });
}

}  // namespace atelier::app
