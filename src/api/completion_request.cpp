#include "api/completion_request.h"

#include <boost/json/array.hpp>

#include "base/json.h"

namespace atelier::api {
namespace {

constexpr std::int64_t kDefaultMaxTokens = 16;  // OpenAI's

// A string, a list of strings, a list of ids, or a list of lists of ids.
Result<std::vector<Prompt>> read_prompts(const boost::json::value& value) {
  const auto required = [](std::string_view got) {
    return fail_param(Fault::kBadRequest, "prompt",
                      fmt::format("prompt must be a string, a list of strings, a list of token ids or a list "
                                  "of lists of token ids, got {}",
                                  got));
  };
  if (const auto* text = value.if_string()) return std::vector<Prompt>{std::string(*text)};
  const auto* list = value.if_array();
  if (list == nullptr) return required(describe(value));
  if (list->empty()) return required("an empty list");
  if (list->front().is_number()) {
    ATELIER_TRY(Prompt ids, read_token_ids("prompt", *list));
    return std::vector<Prompt>{std::move(ids)};
  }
  if (list->size() > kMaxPrompts) {
    return fail_param(Fault::kBadRequest, "prompt",
                      fmt::format("prompt has {} entries; the limit is {}", list->size(), kMaxPrompts));
  }
  std::vector<Prompt> prompts;
  for (const auto& one : *list) {
    if (const auto* text = one.if_string()) {
      prompts.emplace_back(std::string(*text));
    } else if (one.is_array()) {
      ATELIER_TRY(Prompt ids, read_token_ids("prompt", one.get_array()));
      prompts.push_back(std::move(ids));
    } else {
      return required("a list with " + describe(one));
    }
  }
  return prompts;
}

void read_lengths(FieldReader& reader, CompletionRequest& request) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  request.echo = reader.boolean("echo").value_or(false);
  const std::int64_t least = request.echo ? 0 : 1;  // 0: only the prompt
  const auto asked = reader.integer("max_tokens", least, kMost);
  const auto legacy = reader.integer("max_new_tokens", least, kMost);
  request.max_tokens = asked ? *asked : legacy.value_or(kDefaultMaxTokens);
  const auto logprobs = reader.integer("logprobs", 0, kMaxTopLogprobs);
  request.logprobs = static_cast<std::int32_t>(logprobs.value_or(-1));
}

void refuse_suffix(FieldReader& reader) {
  if (const auto suffix = reader.string("suffix"); suffix && !suffix->empty()) {
    reader.refuse(Fault::kUnsupported, "suffix", "suffix is not supported");
  }
}

void read_best_of(FieldReader& reader, CompletionRequest& request) {
  request.best_of = static_cast<int>(reader.integer("best_of", 1, kMaxBestOf).value_or(request.n));
  if (request.best_of < request.n) {
    reader.refuse(
        Fault::kBadRequest, "best_of",
        fmt::format("best_of must be greater than or equal to n={}, got {}", request.n, request.best_of));
  }
  if (request.best_of > request.n && request.stream) {
    reader.refuse(Fault::kBadRequest, "best_of",
                  "best_of greater than n cannot be streamed: which answers are best is known at the end");
  }
}

}  // namespace

Result<CompletionRequest> parse_completion_request(std::string_view body) {
  ATELIER_TRY(const boost::json::value json, parse_json(body));
  if (!json.is_object()) {
    return fail(Fault::kBadRequest, "the body must be a JSON object, got {}", describe(json));
  }
  FieldReader reader(json.get_object());
  CompletionRequest request;
  static_cast<GenerationFields&>(request) = read_generation_fields(reader);
  read_lengths(reader, request);
  read_best_of(reader, request);
  refuse_suffix(reader);
  check_together(reader, request);
  const boost::json::value* prompt = reader.value("prompt");
  ATELIER_TRY_STATUS(reader.status());
  if (prompt == nullptr) return fail_param(Fault::kBadRequest, "prompt", "prompt is required");
  ATELIER_TRY(request.prompts, read_prompts(*prompt));
  const std::size_t choices = request.prompts.size() * static_cast<std::size_t>(request.best_of);
  if (choices > kMaxCompletions) {
    return fail_param(Fault::kBadRequest, request.best_of > request.n ? "best_of" : "n",
                      fmt::format("{} prompts x {} make {} answers; the limit is {}", request.prompts.size(),
                                  request.best_of, choices, kMaxCompletions));
  }
  request.unknown = reader.unread();
  return request;
}

}  // namespace atelier::api
