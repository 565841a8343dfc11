#include "formats/model_name.h"

#include <algorithm>
#include <filesystem>
#include <regex>
#include <system_error>

namespace atelier::formats {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_name_letter(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' || c == '.';
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
  std::string_view stem = gguf_file.substr(0, gguf_file.size() - 5);
  static const std::regex shard("-[0-9]{5}-of-[0-9]{5}$");
  const std::string text(stem);
  std::smatch match;
  if (std::regex_search(text, match, shard))
    stem = stem.substr(0, static_cast<std::size_t>(match.position()));
  if (!ends_with_any_case(stem, quantisation)) return false;
  if (stem.size() == quantisation.size()) return true;
  return std::string_view("-._/").find(stem[stem.size() - quantisation.size() - 1]) != std::string_view::npos;
}

std::string quantisation_of(std::string_view gguf_file) {
  static const std::regex tag(
      R"((?:^|[-._/])((?:I?Q[1-8](?:_[A-Z0-9]+)*)|F16|F32|BF16|MXFP4)(?:-[0-9]{5}-of-[0-9]{5})?\.gguf$)",
      std::regex::icase);
  const std::string text(gguf_file.size() > 512 ? gguf_file.substr(gguf_file.size() - 512) : gguf_file);
  std::smatch match;
  if (!std::regex_search(text, match, tag)) return "";
  std::string found = match[1];
  std::ranges::transform(found, found.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return found;
}

bool is_sharded_gguf(std::string_view file) {
  static const std::regex shard("-[0-9]{5}-of-[0-9]{5}\\.gguf$", std::regex::icase);
  const std::string text(file.size() > 64 ? file.substr(file.size() - 64) : file);
  return std::regex_search(text, shard);
}

bool ends_with_any_case(std::string_view text, std::string_view suffix) {
  if (text.size() < suffix.size()) return false;
  return std::ranges::equal(text.substr(text.size() - suffix.size()), suffix,
                            [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace atelier::formats
