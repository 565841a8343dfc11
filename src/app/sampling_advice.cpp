#include "app/sampling_advice.h"

#include <filesystem>
#include <string_view>

#include "base/json.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "bundle/generation_defaults.h"

namespace atelier::app {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;

std::unexpected<Failure> refuse(const char* flag, std::string_view why) {
  return fail_param(Fault::kBadRequest, flag, fmt::format("{}: {}", flag, why));
}

Result<std::string> read_text(const char* flag, const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) return refuse(flag, file.error().message);
  const auto bytes = file->bytes();
  if (bytes.size() > kMaxFileBytes) {
    return refuse(flag,
                  fmt::format("{} has {} bytes; {} can be", path.string(), bytes.size(), kMaxFileBytes));
  }
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<boost::json::object> read_object(const char* flag, std::string_view text) {
  auto json = parse_json(text);
  if (!json) return refuse(flag, json.error().message);
  if (!json->is_object()) return refuse(flag, "must hold a JSON object");
  return std::move(json->get_object());
}

Result<bundle::GenerationDefaults> from_file(std::filesystem::path path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) path /= "generation_config.json";
  ATELIER_TRY(const std::string text, read_text("--generation-config", path));
  ATELIER_TRY(const boost::json::object config, read_object("--generation-config", text));
  return bundle::read_generation_defaults(config);
}

template <class T>
void put_over(std::optional<T>& value, const std::optional<T>& other) {
  if (other) value = other;
}

}  // namespace

Result<bundle::GenerationDefaults> sampling_advice(const bundle::GenerationDefaults& files,
                                                   const std::string& source, const std::string& overrides) {
  bundle::GenerationDefaults advice;
  if (source == "auto") {
    advice = files;
  } else if (source != "vllm") {
    ATELIER_TRY(advice, from_file(source));
  }
  if (overrides.empty()) return advice;
  ATELIER_TRY(const boost::json::object over, read_object("--override-generation-config", overrides));
  for (const auto& [name, value] : over) {
    const bool known =
        name == "temperature" || name == "top_p" || name == "top_k" || name == "repetition_penalty";
    if (!known) log_warning("--override-generation-config: {} has no effect here", std::string_view(name));
  }
  const bundle::GenerationDefaults wished = bundle::read_generation_defaults(over);
  put_over(advice.temperature, wished.temperature);
  put_over(advice.top_p, wished.top_p);
  put_over(advice.top_k, wished.top_k);
  put_over(advice.repetition_penalty, wished.repetition_penalty);
  return advice;
}

Result<std::optional<text::ChatTemplate>> chosen_template(const std::string& source) {
  if (source.empty()) return std::optional<text::ChatTemplate>();
  std::string text = source;
  if (!source.contains("{%") && !source.contains("{{")) {
    ATELIER_TRY(text, read_text("--chat-template", source));
  }
  auto parsed = text::ChatTemplate::parse(std::move(text));
  if (!parsed) return refuse("--chat-template", parsed.error().message);
  return std::optional(std::move(*parsed));
}

}  // namespace atelier::app
