// What the fields of requests mean, for /openapi.json: words, and shapes where a type and a range do not say
// it. Which fields there are, the parsers say.
#include "api/request_schema.h"
#include "base/check.h"
#include "base/json.h"

namespace atelier::api {
namespace {

constexpr std::string_view kNotes = R"json({
"model": {"description": "The model's name, as GET /v1/models lists it. Absent: the one that is served."},
"temperature": {"description": "0 = always the likeliest token."},
"top_p": {"description": "Sample among the likeliest tokens that together have this probability."},
"min_p": {"description": "Leave out tokens less likely than this share of the likeliest one's probability."},
"top_k": {"description": "Sample among the K likeliest tokens; 0 and -1 = all."},
"repetition_penalty": {"description": "Above 1: what was in the prompt or the answer gets less likely."},
"presence_penalty": {"description": "Taken from the logit of every token that was in the answer."},
"frequency_penalty": {"description": "Taken from a token's logit, once for each time it was in the answer."},
"seed": {"description": "The same seed and request give the same answer."},
"n": {"description": "Answers to each prompt."},
"stop": {"description": "Strings that end the answer.", "oneOf": [{"type": "string"},
  {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 16}, {"type": "null"}]},
"stop_token_ids": {"description": "Token ids that end the answer.", "items": {"type": "integer"}, "maxItems": 256},
"include_stop_str_in_output": {"description": "The stop string that was met is part of the answer."},
"ignore_eos": {"description": "The model's own end does not end the answer."},
"skip_special_tokens": {"description": "Special tokens are not part of the text."},
"stream": {"description": "Send the answer piece by piece."},
"stream_options": {"description": "Only with stream.", "properties": {
  "include_usage": {"type": "boolean", "description": "One more chunk at the end, with the usage."},
  "continuous_usage_stats": {"type": "boolean", "description": "The usage so far in every chunk."}}},
"max_tokens": {"description": "Tokens of the answer, at most."},
"max_completion_tokens": {"description": "The newer name of max_tokens."},
"max_new_tokens": {"description": "Another name of max_tokens."},
"min_tokens": {"description": "Not supported: refused above 0."},
"logit_bias": {"description": "Not supported: refused unless empty."},
"response_format": {"description": "Only {\"type\": \"text\"} is supported."},
"structured_outputs": {"description": "Not supported: refused."},
"guided_json": {"description": "Not supported: refused."},
"guided_regex": {"description": "Not supported: refused."},
"guided_choice": {"description": "Not supported: refused."},
"guided_grammar": {"description": "Not supported: refused."},
"bad_words": {"description": "Not supported: refused unless empty."},
"allowed_token_ids": {"description": "Not supported: refused unless empty."},
"prompt_logprobs": {"description": "Not supported: refused."},
"truncate_prompt_tokens": {"description": "Not supported: refused."},
"use_beam_search": {"description": "Not supported: refused if true."},
"user": {"description": "Ignored."},
"metadata": {"description": "Ignored."},
"store": {"description": "Ignored."},
"service_tier": {"description": "Ignored."},
"priority": {"description": "Ignored."},
"messages": {"description": "The conversation so far.", "minItems": 1, "maxItems": 1024,
  "items": {"$ref": "#/components/schemas/ChatMessage"}},
"tools": {"description": "Functions the model may call.", "maxItems": 128, "items": {"type": "object"}},
"tool_choice": {"description": "\"auto\" or \"none\"; forced calls are not supported."},
"parallel_tool_calls": {"description": "Accepted; the model decides."},
"chat_template": {"description": "Not supported: the model's own is used."},
"chat_template_kwargs": {"description": "Variables for the chat template: enable_thinking, thinking, thinking_budget, reasoning_effort, date_string, documents."},
"functions": {"description": "Not supported; see tools."},
"function_call": {"description": "Not supported; see tools."},
"documents": {"description": "Not supported; see chat_template_kwargs."},
"add_generation_prompt": {"description": "Open the assistant's turn after the last message."},
"continue_final_message": {"description": "Go on with the last message instead of answering it."},
"echo": {"description": "The prompt's text comes first."},
"ChatCompletionRequest.echo": {"description": "With continue_final_message: the message's text comes first."},
"logprobs": {"description": "The log-probabilities of this many likeliest tokens at each place."},
"ChatCompletionRequest.logprobs": {"description": "Tell each token's log-probability."},
"TokenizeRequest.logprobs": {"description": "As for a chat; without effect here."},
"top_logprobs": {"description": "With logprobs: of this many likeliest tokens too."},
"prompt": {"description": "One prompt or several, as text or as token ids.", "oneOf": [{"type": "string"},
  {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 128},
  {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
  {"type": "array", "items": {"type": "array", "items": {"type": "integer", "minimum": 0}}, "minItems": 1, "maxItems": 128}]},
"TokenizeRequest.prompt": {"description": "A text; either this or messages."},
"GenerateRequest.prompt": {"description": "The text to go on with; the reply repeats it."},
"MessagesRequest.messages": {"description": "What user and assistant said in turn. An assistant's words at the end are gone on with.", "minItems": 1, "maxItems": 1024,
  "items": {"$ref": "#/components/schemas/AnthropicTurn"}},
"CountTokensRequest.messages": {"description": "What user and assistant said in turn.", "minItems": 1, "maxItems": 1024,
  "items": {"$ref": "#/components/schemas/AnthropicTurn"}},
"MessagesRequest.tools": {"description": "Not supported on this route: refused unless empty."},
"CountTokensRequest.tools": {"description": "Not supported on this route: refused unless empty."},
"MessagesRequest.tool_choice": {"description": "Ignored."},
"CountTokensRequest.tool_choice": {"description": "Ignored."},
"system": {"description": "The system's words: a string, or text blocks.", "oneOf": [{"type": "string"},
  {"type": "array", "items": {"$ref": "#/components/schemas/TextBlock"}}, {"type": "null"}]},
"stop_sequences": {"description": "Strings that end the answer.", "oneOf": [{"type": "string"},
  {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 16}, {"type": "null"}]},
"thinking": {"description": "Only {\"type\": \"disabled\"} is supported."},
"output_format": {"description": "Not supported: refused."},
"output_config": {"description": "Not supported: refused where it has a format."},
"suffix": {"description": "Not supported: refused unless empty."},
"best_of": {"description": "Must equal n."},
"add_special_tokens": {"description": "Put first what the tokenizer itself puts first."},
"return_token_strs": {"description": "Also the tokens' spellings in the vocabulary."},
"tokens": {"description": "Token ids.", "items": {"type": "integer", "minimum": 0}}
})json";

}  // namespace

const boost::json::object& field_notes() {
  static const boost::json::object notes = [] {
    auto parsed = parse_json(kNotes);
    ATELIER_CHECK(parsed && parsed->is_object());
    return std::move(parsed->get_object());
  }();
  return notes;
}

}  // namespace atelier::api
