// The tokenizer in GGUF metadata (tokenizer.ggml.*; ggml docs/gguf.md).
#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.h"
#include "bundle/stop_tokens.h"
#include "bundle/tokenizer_files.h"

namespace atelier::bundle {
namespace {

using text::TokenId;
using text::TokenizerData;

struct PreTokenizerName {
  std::string_view name;
  text::PreTokenizer kind;
  bool nfc;
};
constexpr PreTokenizerName kPreTokenizers[] = {
    {"qwen2", text::PreTokenizer::kQwen2, true},       {"smollm", text::PreTokenizer::kSmollm, false},
    {"gpt-2", text::PreTokenizer::kGpt2, false},       {"default", text::PreTokenizer::kGpt2, false},
    {"llama-bpe", text::PreTokenizer::kLlama3, false}, {"llama3", text::PreTokenizer::kLlama3, false},
    {"llama-v3", text::PreTokenizer::kLlama3, false},
};

// tokenizer.ggml.token_type; normal (1) and byte (6) tokens are plain vocabulary.
constexpr std::int64_t kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kLastType = 6;

Status read_pre_tokenizer(const formats::GgufFile& file, TokenizerData& data) {
  // Files from before this key existed: only the architecture tells.
  const bool qwen = file.string("general.architecture") == "qwen2";
  const auto given = file.string("tokenizer.ggml.pre");
  const std::string name = given.value_or(qwen ? "qwen2" : "default");
  if (!given) log_warning("the file has no tokenizer.ggml.pre; taking \"{}\"", name);
  const auto* found = std::ranges::find(kPreTokenizers, name, &PreTokenizerName::name);
  if (found == std::end(kPreTokenizers)) {
    return fail(
        Fault::kUnsupported,
        "tokenizer.ggml.pre is \"{}\"; qwen2, smollm, gpt-2, default, llama-bpe, llama3 and llama-v3 are "
        "supported",
        name);
  }
  data.pre_tokenizer = found->kind;
  data.nfc = found->nfc;
  data.ignore_merges = found->kind == text::PreTokenizer::kLlama3;
  return {};
}

Status read_tokens(const formats::GgufFile& file, TokenizerData& data) {
  const auto* tokens = file.strings("tokenizer.ggml.tokens");
  const auto* merges = file.strings("tokenizer.ggml.merges");
  if (tokens == nullptr || merges == nullptr) {
    return fail(Fault::kCorrupt, "the file has a tokenizer without tokenizer.ggml.{}",
                tokens == nullptr ? "tokens" : "merges");
  }
  data.tokens = *tokens;
  data.merges = *merges;
  return {};
}

// Sorts out special and padding tokens by tokenizer.ggml.token_type.
Status read_types(const formats::GgufFile& file, TokenizerData& data) {
  const formats::GgufValue* value = file.metadata("tokenizer.ggml.token_type");
  if (value == nullptr) return {};
  const auto* types = std::get_if<std::vector<std::int64_t>>(value);
  if (types == nullptr || types->size() != data.tokens.size()) {
    return fail(Fault::kCorrupt, "tokenizer.ggml.token_type is not a list of {} numbers, one for each token",
                data.tokens.size());
  }
  for (std::size_t id = 0; id < types->size(); ++id) {
    const std::int64_t type = (*types)[id];
    if (type < 0 || type > kLastType) {
      return fail(Fault::kCorrupt, "tokenizer.ggml.token_type says {} for token {}; 0 to {} can be", type, id,
                  kLastType);
    }
    if (type == kUnused) data.tokens[id].clear();
    const bool control = type == kControl || type == kUnknown;
    if ((control || type == kUserDefined) && !data.tokens[id].empty()) {
      data.specials.push_back({static_cast<TokenId>(id), data.tokens[id], control});
    }
  }
  return {};
}

Result<TokenId> token_id(const formats::GgufFile& file, std::string_view key, const TokenizerData& data) {
  const formats::GgufValue* value = file.metadata(key);
  if (value == nullptr) return -1;
  const auto id = file.integer(key);
  constexpr std::int64_t kNone = std::numeric_limits<std::uint32_t>::max();  // some writers' -1
  if (id == -1 || id == kNone) return -1;
  if (!id || *id < 0 || std::cmp_greater_equal(*id, data.tokens.size())) {
    return fail(Fault::kCorrupt, "{} is {}; the vocabulary has {} tokens", key,
                id ? fmt::format("{}", *id) : "no integer", data.tokens.size());
  }
  return static_cast<TokenId>(*id);
}

Status read_ends(const formats::GgufFile& file, TokenizerData& data) {
  ATELIER_TRY(data.bos, token_id(file, "tokenizer.ggml.bos_token_id", data));
  ATELIER_TRY(data.eos, token_id(file, "tokenizer.ggml.eos_token_id", data));
  ATELIER_TRY(const TokenId end_of_turn, token_id(file, "tokenizer.ggml.eot_token_id", data));
  ATELIER_TRY(const TokenId end_of_message, token_id(file, "tokenizer.ggml.eom_token_id", data));
  data.add_bos = file.boolean("tokenizer.ggml.add_bos_token")
                     .value_or(data.pre_tokenizer == text::PreTokenizer::kLlama3 && data.bos >= 0);
  for (const TokenId id : {data.eos, end_of_turn, end_of_message}) add_stop(data, id);
  add_chat_stops(data);
  return {};
}

}  // namespace

Result<std::optional<TokenizerData>> tokenizer_from_gguf(const formats::GgufFile& file) {
  const auto model = file.string("tokenizer.ggml.model");
  if (!model || *model == "none" || *model == "no_vocab") return std::nullopt;
  if (*model != "gpt2") {
    return fail(Fault::kUnsupported,
                "tokenizer.ggml.model is \"{}\"; only \"gpt2\" (byte-level BPE) is supported", *model);
  }
  TokenizerData data;
  ATELIER_TRY_STATUS(read_pre_tokenizer(file, data));
  ATELIER_TRY_STATUS(read_tokens(file, data));
  ATELIER_TRY_STATUS(read_types(file, data));
  ATELIER_TRY_STATUS(read_ends(file, data));
  return data;
}

}  // namespace atelier::bundle
