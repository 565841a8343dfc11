#include "bundle/hf_pre_tokenizer.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace atelier::bundle {
namespace {

namespace json = boost::json;

constexpr std::string_view kQwen2Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt2Words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

const json::value* member(const json::value& value, std::string_view name) {
  const json::object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

bool has(const json::value& value, std::string_view name, const json::value& wanted) {
  const json::value* found = member(value, name);
  return found != nullptr && *found == wanted;
}

std::string shown(const json::value& value) {
  std::string text = json::serialize(value);
  constexpr std::size_t kLongest = 500;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "…";
  return text;
}

// The steps of a Sequence (`list` is where it keeps them), or the one step that stands alone.
std::vector<const json::value*> steps(const json::value& value, std::string_view list) {
  if (value.is_null()) return {};
  const json::value* inner = has(value, "type", "Sequence") ? member(value, list) : nullptr;
  if (inner == nullptr || !inner->is_array()) return {&value};
  std::vector<const json::value*> all;
  for (const json::value& step : inner->get_array()) all.push_back(&step);
  return all;
}

// A step that only spells bytes as characters, or (use_regex, the default) also cuts as GPT-2 does.
bool is_byte_level(const json::value& step, bool use_regex) {
  const json::value* regex = member(step, "use_regex");
  const bool cuts = regex == nullptr || *regex == true;
  return has(step, "type", "ByteLevel") && has(step, "add_prefix_space", false) && cuts == use_regex;
}

bool is_split(const json::value& step, std::string_view words) {
  const json::value* pattern = member(step, "pattern");
  return has(step, "type", "Split") && has(step, "behavior", "Isolated") && has(step, "invert", false) &&
         pattern != nullptr && has(*pattern, "Regex", json::value(words));
}

std::optional<text::PreTokenizer> recognise(const std::vector<const json::value*>& program) {
  using enum text::PreTokenizer;
  if (program.size() == 1 && is_byte_level(*program[0], true)) return kGpt2;
  if (program.size() != 2) return std::nullopt;
  const json::value &first = *program[0], &second = *program[1];
  const bool digits = has(first, "type", "Digits") && has(first, "individual_digits", true);
  if (digits && is_byte_level(second, true)) return kSmollm;
  if (!is_byte_level(second, false)) return std::nullopt;
  if (is_split(first, kQwen2Words)) return kQwen2;
  if (is_split(first, kLlama3Words)) return kLlama3;
  if (is_split(first, kGpt2Words)) return kGpt2;
  return std::nullopt;
}

}  // namespace

Status read_text_preparation(const json::object& tokenizer, text::TokenizerData& data) {
  const json::value* normalizer = tokenizer.if_contains("normalizer");
  const json::value* pre_tokenizer = tokenizer.if_contains("pre_tokenizer");
  const json::value none;
  for (const json::value* step : steps(normalizer == nullptr ? none : *normalizer, "normalizers")) {
    if (!has(*step, "type", "NFC")) {
      return fail(Fault::kUnsupported,
                  "tokenizer.json has the normalizer {}; only NFC and none are supported", shown(*step));
    }
    data.nfc = true;
  }
  const auto kind = recognise(steps(pre_tokenizer == nullptr ? none : *pre_tokenizer, "pretokenizers"));
  if (!kind) {
    return fail(
        Fault::kUnsupported,
        "tokenizer.json has the pre_tokenizer {}; those of Qwen2, GPT-2, SmolLM and Llama 3 are supported",
        pre_tokenizer == nullptr ? "null" : shown(*pre_tokenizer));
  }
  data.pre_tokenizer = *kind;
  return {};
}

}  // namespace atelier::bundle
