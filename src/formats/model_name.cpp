#include "formats/model_name.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace atelier::formats {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_name_letter(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' || c == '.';
}

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_separator(char c) {
  return c == '-' || c == '.' || c == '_' || c == '/';
}

// "Q4_K_M", "IQ4_NL", "TQ1_0", "F16", ...; upper case.
bool is_quantisation(std::string_view tag) {
  for (const std::string_view whole : {"F16", "F32", "BF16", "FP16", "FP32", "MXFP4"}) {
    if (tag == whole) return true;
  }
  if (tag.starts_with('I') || tag.starts_with('T')) tag.remove_prefix(1);
  if (tag.size() < 2 || tag.size() > 16 || tag[0] != 'Q' || !is_digit(tag[1])) return false;
  if (tag.size() > 2 && tag[2] != '_') return false;
  return std::ranges::all_of(tag, [](char c) { return is_digit(c) || c == '_' || (c >= 'A' && c <= 'Z'); });
}

bool looks_like_path(std::string_view text) {
  return text.starts_with('/') || text.starts_with('.') || text.starts_with('~') || text.ends_with('/') ||
         ends_with_any_case(text, ".gguf") || ends_with_any_case(text, ".safetensors") ||
         std::ranges::count(text, '/') > 1;
}

Result<ModelName> parse_hub_id(const std::string& model) {
  ModelName name{ModelName::Kind::kHub, model, model, ""};
  if (const auto colon = model.find(':'); colon != std::string::npos) {
    name.repo = model.substr(0, colon);
    name.quantisation = model.substr(colon + 1);
    if (name.quantisation.empty() || name.quantisation.size() > 32 ||
        !std::ranges::all_of(name.quantisation, is_name_letter)) {
      return fail(Fault::kBadRequest, "\"{}\": after the colon stands a quantisation such as Q4_K_M", model);
    }
  }
  const auto slash = name.repo.find('/');
  if (slash == std::string::npos || !is_hub_name(name.repo.substr(0, slash)) ||
      !is_hub_name(name.repo.substr(slash + 1))) {
    return fail(Fault::kBadRequest,
                "\"{}\" is neither a file or folder nor a hub id: write org/name or org/name:Q4_K_M", model);
  }
  return name;
}

}  // namespace

Result<ModelName> parse_model_name(const std::string& model) {
  if (model.empty()) {
    return fail(Fault::kBadRequest,
                "the model's name is empty: give a file, a folder, org/name or a catalogue name");
  }
  if (model.size() > 4096 ||
      std::ranges::any_of(model, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    return fail(Fault::kBadRequest, "the model's name has {} bytes or holds control characters",
                model.size());
  }
  std::error_code error;
  if (std::filesystem::exists(model, error) || looks_like_path(model)) {
    return ModelName{ModelName::Kind::kPath, model, "", ""};
  }
  if (model.find('/') == std::string::npos && model.find(':') == std::string::npos) {
    return ModelName{ModelName::Kind::kCatalogue, model, "", ""};
  }
  return parse_hub_id(model);
}

bool is_hub_name(std::string_view name) {
  if (name.empty() || name.size() > 96 || !std::ranges::all_of(name, is_name_letter)) return false;
  const auto is_edge = [](char c) { return c == '-' || c == '.'; };
  return !is_edge(name.front()) && !is_edge(name.back()) && name.find("--") == name.npos &&
         name.find("..") == name.npos;
}

bool is_safe_relative_path(std::string_view path) {
  if (path.empty() || path.size() > 512) return false;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    begin = end + 1;
  }
  return std::ranges::none_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7F || c == '\\'; });
}

bool has_quantisation(std::string_view gguf_file, std::string_view quantisation) {
  if (quantisation.empty() || !ends_with_any_case(gguf_file, ".gguf")) return false;
  const std::string_view stem = without_shard(gguf_file.substr(0, gguf_file.size() - 5));
  if (!ends_with_any_case(stem, quantisation)) return false;
  return stem.size() == quantisation.size() || is_separator(stem[stem.size() - quantisation.size() - 1]);
}

std::string quantisation_of(std::string_view gguf_file) {
  if (!ends_with_any_case(gguf_file, ".gguf")) return "";
  const std::string_view stem = without_shard(gguf_file.substr(0, gguf_file.size() - 5));
  // The longest ending that is one: "q4_k_m" has endings of its own that are not.
  for (std::size_t at = 0; at < stem.size(); ++at) {
    if (at > 0 && !is_separator(stem[at - 1])) continue;
    std::string tag(stem.substr(at));
    std::ranges::transform(tag, tag.begin(), upper);
    if (is_quantisation(tag)) return tag;
  }
  return "";
}

bool is_sharded_gguf(std::string_view file) {
  if (!ends_with_any_case(file, ".gguf")) return false;
  const std::string_view stem = file.substr(0, file.size() - 5);
  return without_shard(stem).size() < stem.size();
}

std::string_view without_shard(std::string_view stem) {
  constexpr std::string_view kShape = "-#####-of-#####";
  if (stem.size() < kShape.size()) return stem;
  const std::string_view end = stem.substr(stem.size() - kShape.size());
  const auto fits = [](char c, char shape) { return shape == '#' ? is_digit(c) : c == shape; };
  return std::ranges::equal(end, kShape, fits) ? stem.substr(0, stem.size() - kShape.size()) : stem;
}

bool ends_with_any_case(std::string_view text, std::string_view suffix) {
  if (text.size() < suffix.size()) return false;
  return std::ranges::equal(text.substr(text.size() - suffix.size()), suffix,
                            [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace atelier::formats
