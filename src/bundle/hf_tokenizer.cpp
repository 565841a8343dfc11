// The tokenizer of a Hugging Face folder: tokenizer.json holds the vocabulary, tokenizer_config.json,
// generation_config.json and config.json say which tokens begin and end.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "bundle/hf_pre_tokenizer.h"
#include "bundle/json_fields.h"
#include "bundle/stop_tokens.h"
#include "bundle/tokenizer_files.h"

namespace atelier::bundle {
namespace {

namespace json = boost::json;
using text::TokenId;
using text::TokenizerData;

constexpr std::int64_t kMaxId = (1 << 22) - 1;  // Qwen2.5 has 151,665 tokens

std::string shown(const json::value& value) {
  return json::serialize(value).substr(0, 200);
}

// Puts `token` at `id`, which must be free or hold the same.
Status place(TokenizerData& data, const json::value& id, std::string_view token) {
  const auto number = integer(id);
  if (!number || *number < 0 || *number > kMaxId) {
    return fail(Fault::kCorrupt, "tokenizer.json gives token \"{}\" the id {}; 0 to {} can be",
                token.substr(0, 100), shown(id), kMaxId);
  }
  const auto at = static_cast<std::size_t>(*number);
  if (at >= data.tokens.size()) data.tokens.resize(at + 1);
  if (!data.tokens[at].empty() && data.tokens[at] != token) {
    return fail(Fault::kCorrupt, "tokenizer.json gives the id {} to \"{}\" and to \"{}\"", at,
                data.tokens[at].substr(0, 100), token.substr(0, 100));
  }
  data.tokens[at] = token;
  return {};
}

// A merge is "a b" (older files) or ["a", "b"].
Result<std::string> read_merge(const json::value& merge) {
  if (const json::string* both = merge.if_string()) return std::string(*both);
  const json::array* pair = merge.if_array();
  if (pair == nullptr || pair->size() != 2 || !pair->at(0).is_string() || !pair->at(1).is_string()) {
    return fail(Fault::kCorrupt, "tokenizer.json has the merge {}; \"a b\" and [\"a\",\"b\"] can be",
                shown(merge));
  }
  const std::string_view left = pair->at(0).get_string(), right = pair->at(1).get_string();
  std::string joined;
  joined.reserve(left.size() + 1 + right.size());
  return joined.append(left).append(" ").append(right);
}

// Variants of BPE that this program does not have.
Status refuse_variants(const json::object& model) {
  const json::string* type = string_field(model, "type");
  if (type != nullptr && *type != "BPE") {
    return fail(Fault::kUnsupported, "tokenizer.json is a {} model; only BPE is supported",
                std::string_view(*type));
  }
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const json::string* value = string_field(model, name);
    if (value != nullptr && !value->empty()) {
      return fail(Fault::kUnsupported, "tokenizer.json sets {} to \"{}\", which is not supported", name,
                  std::string_view(*value));
    }
  }
  if (bool_field(model, "byte_fallback").value_or(false)) {
    return fail(Fault::kUnsupported, "tokenizer.json sets byte_fallback, which is not supported");
  }
  return {};
}

Status read_model(const json::object& model, TokenizerData& data) {
  ATELIER_TRY_STATUS(refuse_variants(model));
  const json::object* vocabulary = object_field(model, "vocab");
  const json::array* merges = array_field(model, "merges");
  if (vocabulary == nullptr || merges == nullptr) {
    return fail(Fault::kCorrupt, "tokenizer.json's model has no {}",
                vocabulary == nullptr ? "vocab" : "merges");
  }
  data.tokens.resize(vocabulary->size());
  for (const auto& [token, id] : *vocabulary) ATELIER_TRY_STATUS(place(data, id, token));
  data.merges.reserve(merges->size());
  for (const json::value& merge : *merges) {
    ATELIER_TRY(std::string joined, read_merge(merge));
    data.merges.push_back(std::move(joined));
  }
  data.ignore_merges = bool_field(model, "ignore_merges").value_or(false);
  return {};
}

Status read_added_tokens(const json::object& tokenizer, TokenizerData& data) {
  const json::array* added = array_field(tokenizer, "added_tokens");
  if (added == nullptr) return {};
  for (const json::value& item : *added) {
    const json::object* token = item.if_object();
    const json::string* content = token == nullptr ? nullptr : string_field(*token, "content");
    const json::value* id = token == nullptr ? nullptr : token->if_contains("id");
    if (content == nullptr || content->empty() || id == nullptr) {
      return fail(Fault::kCorrupt, "tokenizer.json has the added token {}, without id or content",
                  shown(item));
    }
    for (const char* habit : {"lstrip", "rstrip", "single_word"}) {
      if (bool_field(*token, habit).value_or(false)) {
        return fail(Fault::kUnsupported, "tokenizer.json sets {} on \"{}\", which is not supported", habit,
                    std::string_view(*content).substr(0, 100));
      }
    }
    ATELIER_TRY_STATUS(place(data, *id, *content));
    data.specials.push_back({static_cast<TokenId>(id->get_int64()), std::string(*content),
                             bool_field(*token, "special").value_or(false)});
  }
  return {};
}

TokenId find_token(const TokenizerData& data, std::string_view wanted) {
  for (const text::SpecialToken& token : data.specials) {
    if (token.text == wanted) return token.id;
  }
  for (std::size_t id = 0; id < data.tokens.size(); ++id) {
    if (data.tokens[id] == wanted) return static_cast<TokenId>(id);
  }
  return -1;
}

// tokenizer_config.json: "eos_token": null, "<|im_end|>" or {"content": "<|im_end|>", …}.
TokenId named_token(const json::object& config, std::string_view name, const TokenizerData& data) {
  const json::string* text = string_field(config, name);
  if (const json::object* token = object_field(config, name)) text = string_field(*token, "content");
  return text == nullptr ? -1 : find_token(data, *text);
}

// "eos_token_id": 7 or [7, 8].
std::vector<TokenId> ids_in(const json::object& config, std::string_view name) {
  std::vector<TokenId> ids;
  const auto add = [&](const json::value& value) {
    const auto id = integer(value);
    if (id && *id >= 0 && *id <= kMaxId) ids.push_back(static_cast<TokenId>(*id));
  };
  const json::value* found = config.if_contains(name);
  if (found == nullptr) return ids;
  if (const json::array* list = found->if_array()) {
    for (const json::value& item : *list) add(item);
  } else {
    add(*found);
  }
  return ids;
}

// A TemplateProcessing step whose single sequence begins with a special token puts that token in front.
bool prepends_token(const json::value& processor) {
  const json::object* step = processor.if_object();
  if (step == nullptr) return false;
  if (const json::array* inner = array_field(*step, "processors")) {
    for (const json::value& each : *inner) {
      if (const json::object* part = each.if_object();
          part != nullptr && array_field(*part, "single") != nullptr) {
        return prepends_token(each);
      }
    }
  }
  const json::array* single = array_field(*step, "single");
  if (single == nullptr || single->empty()) return false;
  const json::object* first = single->front().if_object();
  return first != nullptr && first->contains("SpecialToken");
}

void read_ends(const formats::HfFolder& folder, const json::object& tokenizer, TokenizerData& data) {
  const json::object& config = folder.tokenizer_config();
  data.bos = named_token(config, "bos_token", data);
  data.eos = named_token(config, "eos_token", data);
  std::vector<TokenId> ends = ids_in(folder.generation_config(), "eos_token_id");
  if (ends.empty()) ends = ids_in(folder.config(), "eos_token_id");
  if (data.eos < 0 && !ends.empty()) data.eos = ends.front();
  const json::value* processor = tokenizer.if_contains("post_processor");
  const bool prepends = processor != nullptr && prepends_token(*processor);
  data.add_bos = data.bos >= 0 && bool_field(config, "add_bos_token").value_or(prepends);
  add_stop(data, data.eos);
  for (const TokenId id : ends) add_stop(data, id);
  add_chat_stops(data);
}

}  // namespace

Result<std::optional<TokenizerData>> tokenizer_from_hf(const formats::HfFolder& folder) {
  ATELIER_TRY(const json::object tokenizer, folder.read_tokenizer());
  if (tokenizer.empty()) return std::nullopt;
  const json::object* model = object_field(tokenizer, "model");
  if (model == nullptr) return fail(Fault::kCorrupt, "tokenizer.json has no object \"model\"");
  TokenizerData data;
  ATELIER_TRY_STATUS(read_text_preparation(tokenizer, data));
  ATELIER_TRY_STATUS(read_model(*model, data));
  ATELIER_TRY_STATUS(read_added_tokens(tokenizer, data));
  read_ends(folder, tokenizer, data);
  return data;
}

}  // namespace atelier::bundle
