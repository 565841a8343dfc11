#include <algorithm>
#include <boost/json/array.hpp>
#include <random>
#include <utility>

#include "base/json.h"
#include "base/mapped_file.h"
#include "load/request_body.h"
#include "load/workload.h"

namespace atelier::load {
namespace {

namespace json = boost::json;

constexpr std::int64_t kUsualOutputTokens = 128, kMostOutputTokens = 1 << 20;
constexpr JsonLimits kFileLimits{.max_bytes = std::size_t{4} << 30, .max_depth = 64};

struct Sample {
  std::string prompt, answer;
  std::int64_t output_tokens = 0;  // 0: as long as `answer`
};

std::string text_at(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// {"conversations": [{"value": PROMPT}, {"value": ANSWER}, ...]}
void add_conversation(const json::value& entry, std::vector<Sample>& samples) {
  const json::value* turns = entry.is_object() ? entry.get_object().if_contains("conversations") : nullptr;
  if (turns == nullptr || !turns->is_array() || turns->get_array().size() < 2) return;
  const json::array& said = turns->get_array();
  if (!said[0].is_object() || !said[1].is_object()) return;
  Sample sample{.prompt = text_at(said[0].get_object(), "value"),
                .answer = text_at(said[1].get_object(), "value")};
  if (!sample.prompt.empty() && !sample.answer.empty()) samples.push_back(std::move(sample));
}

Status add_line(std::string_view line, const std::string& path, std::vector<Sample>& samples) {
  ATELIER_TRY(const json::value entry, parse_json(line, kFileLimits));
  Sample sample;
  if (entry.is_object()) sample.prompt = text_at(entry.get_object(), "prompt");
  if (sample.prompt.empty()) return fail(Fault::kCorrupt, "{}: a line without a \"prompt\"", path);
  if (const json::value* tokens = entry.get_object().if_contains("output_tokens")) {
    if (!tokens->is_int64() || tokens->get_int64() < 1 || tokens->get_int64() > kMostOutputTokens) {
      return fail(Fault::kCorrupt, "{}: output_tokens must be 1 to {}", path, kMostOutputTokens);
    }
    sample.output_tokens = tokens->get_int64();
  }
  samples.push_back(std::move(sample));
  return {};
}

Result<std::vector<Sample>> read_samples(const std::string& path) {
  ATELIER_TRY(const MappedFile file, MappedFile::open(path));
  std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  std::vector<Sample> samples;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && text[first] == '[') {
    ATELIER_TRY(const json::value all, parse_json(text, kFileLimits));
    for (const json::value& entry : all.get_array()) add_conversation(entry, samples);
  } else {
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      if (line.find_first_not_of(" \t\r") == line.npos) continue;
      ATELIER_TRY_STATUS(add_line(line, path, samples));
    }
  }
  if (samples.empty()) {
    return fail(Fault::kCorrupt,
                "{}: holds neither ShareGPT conversations of two turns nor lines with a \"prompt\"", path);
  }
  return samples;
}

// In the server's tokens; where it cannot be asked four bytes are taken for one.
Result<std::int64_t> length(std::string_view text, std::optional<ServerTokenizer>& tokenizer) {
  if (!tokenizer) return std::max<std::int64_t>(1, std::ssize(text) / 4);
  ATELIER_TRY(const auto ids, tokenizer->encode(text));
  return std::max<std::int64_t>(1, std::ssize(ids));
}

}  // namespace

Result<std::vector<LoadRequest>> file_workload(const RequestShape& shape, const std::string& path,
                                               std::int64_t output_tokens, std::int64_t count,
                                               std::uint64_t seed,
                                               std::optional<ServerTokenizer>& tokenizer) {
  ATELIER_TRY(std::vector<Sample> samples, read_samples(path));
  std::mt19937_64 random(seed);
  std::ranges::shuffle(samples, random);
  std::vector<LoadRequest> requests;
  for (std::int64_t i = 0; i < count; ++i) {
    const Sample& sample = samples[static_cast<std::size_t>(i) % samples.size()];
    LoadRequest request;
    request.output_tokens = output_tokens > 0 ? output_tokens : sample.output_tokens;
    if (request.output_tokens == 0 && sample.answer.empty()) request.output_tokens = kUsualOutputTokens;
    if (request.output_tokens == 0) {
      ATELIER_TRY(request.output_tokens, length(sample.answer, tokenizer));
    }
    ATELIER_TRY(request.input_tokens, length(sample.prompt, tokenizer));
    request.body = request_body(shape, sample.prompt, request.output_tokens);
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace atelier::load
