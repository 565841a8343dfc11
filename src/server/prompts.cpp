#include "server/prompts.h"

#include <algorithm>
#include <utility>

#include "server/request_checks.h"

namespace atelier::server {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

boost::json::object template_context(const ServedModel& model, const api::ChatRequest& request) {
  boost::json::object context = request.template_variables;
  context["messages"] = request.messages;
  if (!request.tools.empty()) context["tools"] = request.tools;
  context["add_generation_prompt"] = request.add_generation_prompt;
  context["bos_token"] = model.bundle.bos_text();
  context["eos_token"] = model.bundle.eos_text();
  return context;
}

// Ends the rendered text with the last message's words, so that they are gone on with.
Status cut_after_final_message(std::string& text, std::string_view message) {
  const std::string_view words = trimmed(message);
  const std::size_t at = text.rfind(words);
  if (words.empty() || at == std::string::npos) {
    return fail_param(
        Fault::kBadRequest, "continue_final_message",
        "the last message's text is empty or not in the rendered prompt; it cannot be continued");
  }
  text.resize(at + words.size());
  return {};
}

struct Lengths {
  std::int64_t prompt = 0;
  std::optional<std::int64_t> asked;  // max_tokens
  std::string_view param;             // "messages" or "prompt"
};

Status check_lengths(const ServedModel& model, const Lengths& lengths) {
  const std::int64_t limit = model.max_model_len();
  if (lengths.prompt + 1 > limit && lengths.asked != 0) {
    return fail_param(Fault::kTooLong, std::string(lengths.param),
                      fmt::format("This model's maximum context length is {} tokens. However, your {} "
                                  "resulted in {} tokens. Please reduce the length of the {}.",
                                  limit, lengths.param, lengths.prompt, lengths.param));
  }
  if (lengths.asked && lengths.prompt + *lengths.asked > limit) {
    return fail_param(Fault::kTooLong, "max_tokens",
                      fmt::format("This model's maximum context length is {} tokens. However, you requested "
                                  "{} tokens ({} in the {}, {} in the completion). Please reduce the length "
                                  "of the {} or completion.",
                                  limit, lengths.prompt + *lengths.asked, lengths.prompt, lengths.param,
                                  *lengths.asked, lengths.param));
  }
  return {};
}

// What truncate_prompt_tokens leaves of the prompt. True: something was cut off.
Result<bool> truncate(const ServedModel& model, const api::GenerationFields& fields,
                      std::vector<std::int32_t>& ids) {
  if (!fields.truncate_prompt) return false;
  const std::int64_t limit = model.max_model_len();
  std::int64_t kept = fields.truncate_prompt->tokens;
  if (kept > limit) {
    return fail_param(
        Fault::kBadRequest, "truncate_prompt_tokens",
        fmt::format("truncate_prompt_tokens is {}; this model's maximum context length is {}", kept, limit));
  }
  if (kept < 0)
    kept = std::max<std::int64_t>(limit - std::max<std::int64_t>(fields.max_tokens.value_or(1), 1), 1);
  if (std::ssize(ids) <= kept) return false;
  if (!fields.truncate_prompt->keep_first) ids.erase(ids.begin(), ids.end() - kept);
  ids.resize(static_cast<std::size_t>(kept));
  return true;
}

// Text or ids of field `param`; not empty.
Result<std::vector<std::int32_t>> encode_prompt(const ServedModel& model, std::string_view param,
                                                const api::Prompt& given) {
  std::vector<std::int32_t> ids;
  if (const auto* text = std::get_if<std::string>(&given)) {
    ids = encode_text(model, *text, true);
  } else {
    ids = std::get<std::vector<std::int32_t>>(given);
    ATELIER_TRY_STATUS(check_ids(model, param, ids));
  }
  if (ids.empty())
    return fail_param(Fault::kBadRequest, std::string(param), fmt::format("{} must not be empty", param));
  return ids;
}

}  // namespace

std::vector<std::int32_t> encode_text(const ServedModel& model, std::string_view text, bool add_special) {
  std::vector<std::int32_t> ids;
  const text::TokenizerData& data = model.tokenizer().data();
  if (add_special && data.add_bos && data.bos >= 0) ids.push_back(data.bos);
  const auto encoded = model.tokenizer().encode(text, text::Specials::kParse);
  ids.insert(ids.end(), encoded.begin(), encoded.end());
  return ids;
}

Result<EncodedChat> encode_chat(const ServedModel& model, const api::ChatRequest& request, bool add_special) {
  if (!model.bundle.chat_template) {
    return fail_param(Fault::kUnsupported, "messages",
                      "this model has no chat template; /v1/completions takes a plain prompt");
  }
  auto rendered = model.bundle.chat_template->render(template_context(model, request));
  if (!rendered) {
    return fail_param(Fault::kBadRequest, "messages",
                      "the chat template refuses these messages: " + rendered.error().message);
  }
  EncodedChat prompt;
  if (request.continue_final_message) {
    const std::string_view last = request.messages.back().at("content").as_string();
    ATELIER_TRY_STATUS(cut_after_final_message(*rendered, last));
    if (request.echo) prompt.echo = trimmed(last);
  }
  prompt.ids = encode_text(model, *rendered, add_special);
  return prompt;
}

Result<PreparedPrompt> prepare_chat(const ServedModel& model, const api::ChatRequest& request) {
  ATELIER_TRY(EncodedChat chat, encode_chat(model, request));
  if (chat.ids.empty()) return fail_param(Fault::kBadRequest, "messages", "the rendered prompt is empty");
  ATELIER_TRY_STATUS(truncate(model, request, chat.ids));
  ATELIER_TRY_STATUS(check_lengths(model, {.prompt = static_cast<std::int64_t>(chat.ids.size()),
                                           .asked = request.max_tokens,
                                           .param = "messages"}));
  return PreparedPrompt{.ids = std::make_shared<const std::vector<std::int32_t>>(std::move(chat.ids)),
                        .echo = std::move(chat.echo),
                        .scored_once = true};
}

Result<PreparedPrompt> prepare_completion(const ServedModel& model, const api::CompletionRequest& request,
                                          const api::Prompt& given) {
  const auto* text = std::get_if<std::string>(&given);
  ATELIER_TRY(std::vector<std::int32_t> ids, encode_prompt(model, "prompt", given));
  ATELIER_TRY(const bool cut, truncate(model, request, ids));
  ATELIER_TRY_STATUS(check_lengths(
      model,
      {.prompt = static_cast<std::int64_t>(ids.size()), .asked = request.max_tokens, .param = "prompt"}));
  PreparedPrompt prompt{.score_echo = request.echo && request.logprobs >= 0};
  if (request.echo) {
    prompt.echo =
        text != nullptr && !cut ? *text : model.tokenizer().decode(ids, request.skip_special_tokens);
  }
  prompt.ids = std::make_shared<const std::vector<std::int32_t>>(std::move(ids));
  return prompt;
}

Result<PreparedPrompt> prepare_input(const ServedModel& model, const api::EmbeddingRequest& request,
                                     const api::Prompt& input) {
  ATELIER_TRY(std::vector<std::int32_t> ids, encode_prompt(model, "input", input));
  ATELIER_TRY_STATUS(truncate(model, request, ids));
  ATELIER_TRY_STATUS(check_lengths(model, {.prompt = std::ssize(ids), .asked = {}, .param = "input"}));
  return PreparedPrompt{.ids = std::make_shared<const std::vector<std::int32_t>>(std::move(ids))};
}

}  // namespace atelier::server
