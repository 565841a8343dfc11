#include "api/completion_request.h"

#include <boost/json/array.hpp>

namespace atelier::api {
namespace {

constexpr std::int64_t kDefaultMaxTokens = 16;  // OpenAI's

void read_max_tokens(FieldReader& reader, CompletionRequest& request) {
  const std::int64_t least = request.echo ? 0 : 1;  // 0: only the prompt
  const auto asked = reader.integer("max_tokens", least, kMostTokens);
  const auto legacy = reader.integer("max_new_tokens", least, kMostTokens);
  request.max_tokens = asked ? *asked : legacy.value_or(kDefaultMaxTokens);
}

void read_lengths(FieldReader& reader, CompletionRequest& request) {
  request.echo = reader.boolean("echo").value_or(false);
  read_max_tokens(reader, request);
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
  if (request.best_of > request.n && request.stream && !request.beam.wanted) {
    reader.refuse(Fault::kBadRequest, "best_of",
                  "best_of greater than n cannot be streamed: which answers are best is known at the end");
  }
}

}  // namespace

Result<CompletionRequest> parse_completion_request(std::string_view body) {
  return parse_with(body, read_completion_request);
}

Result<CompletionRequest> read_completion_request(FieldReader& reader) {
  CompletionRequest request;
  static_cast<GenerationFields&>(request) = read_generation_fields(reader);
  read_lengths(reader, request);
  read_best_of(reader, request);
  refuse_suffix(reader);
  if (request.beam.wanted && request.echo && request.logprobs >= 0) {
    reader.refuse(Fault::kUnsupported, "logprobs",
                  "logprobs together with echo is not supported with use_beam_search");
  }
  check_together(reader, request);
  const boost::json::value* prompt = reader.value("prompt");
  ATELIER_TRY_STATUS(reader.status());
  if (prompt == nullptr) return fail_param(Fault::kBadRequest, "prompt", "prompt is required");
  ATELIER_TRY(request.prompts, read_prompts("prompt", *prompt, kMaxPrompts));
  const std::size_t choices = request.prompts.size() * static_cast<std::size_t>(request.best_of);
  if (choices > kMaxCompletions) {
    return fail_param(Fault::kBadRequest, request.best_of > request.n ? "best_of" : "n",
                      fmt::format("{} prompts x {} make {} answers; the limit is {}", request.prompts.size(),
                                  request.best_of, choices, kMaxCompletions));
  }
  request.unknown = reader.unread();
  return request;
}

Result<CompletionRequest> parse_generate_request(std::string_view body) {
  return parse_with(body, read_generate_request);
}

Result<CompletionRequest> read_generate_request(FieldReader& reader) {
  CompletionRequest request;
  static_cast<GenerationFields&>(request) = read_generation_fields(reader);
  request.echo = true;
  read_max_tokens(reader, request);
  check_together(reader, request);
  auto prompt = reader.string("prompt");
  ATELIER_TRY_STATUS(reader.status());
  if (!prompt) return fail_param(Fault::kBadRequest, "prompt", "prompt is required");
  request.prompts.emplace_back(std::move(*prompt));
  request.unknown = reader.unread();
  return request;
}

Result<std::vector<Prompt>> read_prompts(std::string_view name, const boost::json::value& value,
                                         std::size_t most) {
  const auto required = [&](std::string_view got) {
    return fail_param(Fault::kBadRequest, std::string(name),
                      fmt::format("{} must be a string, a list of strings, a list of token ids or a list "
                                  "of lists of token ids, got {}",
                                  name, got));
  };
  if (const auto* text = value.if_string()) return std::vector<Prompt>{std::string(*text)};
  const auto* list = value.if_array();
  if (list == nullptr) return required(describe(value));
  if (list->empty()) return required("an empty list");
  if (list->front().is_number()) {
    ATELIER_TRY(Prompt ids, read_token_ids(name, *list));
    return std::vector<Prompt>{std::move(ids)};
  }
  if (list->size() > most) {
    return fail_param(Fault::kBadRequest, std::string(name),
                      fmt::format("{} has {} entries; the limit is {}", name, list->size(), most));
  }
  std::vector<Prompt> prompts;
  for (const auto& one : *list) {
    if (const auto* text = one.if_string()) {
      prompts.emplace_back(std::string(*text));
    } else if (one.is_array()) {
      ATELIER_TRY(Prompt ids, read_token_ids(name, one.get_array()));
      prompts.push_back(std::move(ids));
    } else {
      return required("a list with " + describe(one));
    }
  }
  return prompts;
}

}  // namespace atelier::api
