#include "api/reply_schemas.h"

#include <utility>

#include "base/check.h"
#include "base/json.h"

namespace atelier::api {
namespace {

constexpr std::string_view kSchemas = R"json({
"Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object",
  "required": ["message", "type", "param", "code"], "properties": {
    "message": {"type": "string"}, "type": {"type": "string"}, "param": {"type": ["string", "null"]},
    "code": {"type": "integer"}}}}},
"ChatMessage": {"type": "object", "required": ["role"], "properties": {
  "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
  "content": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"oneOf": [{"type": "string"},
    {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["text", "refusal"]}, "text": {"type": "string"}}}]}},
    {"type": "null"}]},
  "name": {"type": ["string", "null"]}, "tool_call_id": {"type": ["string", "null"]},
  "reasoning_content": {"type": ["string", "null"]}, "tool_calls": {"type": ["array", "null"]}}},
"Usage": {"type": "object", "required": ["prompt_tokens", "completion_tokens", "total_tokens"], "properties": {
  "prompt_tokens": {"type": "integer"}, "completion_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"}}},
"FinishReason": {"enum": ["stop", "length", null]},
"StopReason": {"description": "The stop string or the stop_token_ids' id that was met.", "type": ["string", "integer", "null"]},
"ChatLogprobs": {"type": ["object", "null"], "properties": {"content": {"type": "array", "items": {"type": "object",
  "required": ["token", "logprob", "bytes", "top_logprobs"]}}}},
"ChatCompletion": {"type": "object", "required": ["id", "object", "created", "model", "choices", "usage"], "properties": {
  "id": {"type": "string"}, "object": {"const": "chat.completion"}, "created": {"type": "integer"},
  "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
  "choices": {"type": "array", "items": {"type": "object", "required": ["index", "message", "finish_reason"], "properties": {
    "index": {"type": "integer"}, "message": {"type": "object", "required": ["role", "content"], "properties": {
      "role": {"const": "assistant"}, "content": {"type": "string"}, "refusal": {"type": "null"}}},
    "logprobs": {"$ref": "#/components/schemas/ChatLogprobs"},
    "finish_reason": {"$ref": "#/components/schemas/FinishReason"},
    "stop_reason": {"$ref": "#/components/schemas/StopReason"}}}},
  "usage": {"$ref": "#/components/schemas/Usage"}}},
"ChatCompletionChunk": {"type": "object", "required": ["id", "object", "created", "model", "choices"], "properties": {
  "id": {"type": "string"}, "object": {"const": "chat.completion.chunk"}, "created": {"type": "integer"},
  "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
  "choices": {"type": "array", "items": {"type": "object", "required": ["index", "delta", "finish_reason"], "properties": {
    "index": {"type": "integer"}, "delta": {"type": "object", "properties": {
      "role": {"const": "assistant"}, "content": {"type": "string"}}},
    "logprobs": {"$ref": "#/components/schemas/ChatLogprobs"},
    "finish_reason": {"$ref": "#/components/schemas/FinishReason"},
    "stop_reason": {"$ref": "#/components/schemas/StopReason"}}}},
  "usage": {"$ref": "#/components/schemas/Usage"}}},
"Completion": {"type": "object", "required": ["id", "object", "created", "model", "choices"], "properties": {
  "id": {"type": "string"}, "object": {"const": "text_completion"}, "created": {"type": "integer"},
  "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
  "choices": {"type": "array", "items": {"type": "object", "required": ["index", "text", "finish_reason"], "properties": {
    "index": {"type": "integer"}, "text": {"type": "string"}, "logprobs": {"type": ["object", "null"]},
    "finish_reason": {"$ref": "#/components/schemas/FinishReason"},
    "stop_reason": {"$ref": "#/components/schemas/StopReason"}}}},
  "usage": {"$ref": "#/components/schemas/Usage"}}},
"GenerateReply": {"type": "object", "required": ["text"], "properties": {"text": {"type": "array",
  "items": {"type": "string"}, "description": "Prompt and answer, one for each of n."}}},
"AnthropicError": {"type": "object", "required": ["type", "error"], "properties": {"type": {"const": "error"},
  "error": {"type": "object", "required": ["type", "message"], "properties": {
    "type": {"type": "string"}, "message": {"type": "string"}}}}},
"TextBlock": {"type": "object", "required": ["type", "text"], "properties": {
  "type": {"const": "text"}, "text": {"type": "string"}}},
"AnthropicTurn": {"type": "object", "required": ["role", "content"], "properties": {
  "role": {"enum": ["user", "assistant"]},
  "content": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/components/schemas/TextBlock"}}]}}},
"AnthropicUsage": {"type": "object", "required": ["input_tokens", "output_tokens"], "properties": {
  "input_tokens": {"type": "integer"}, "output_tokens": {"type": "integer"}}},
"Message": {"type": "object", "required": ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"],
  "properties": {"id": {"type": "string"}, "type": {"const": "message"}, "role": {"const": "assistant"},
  "model": {"type": "string"}, "content": {"type": "array", "items": {"$ref": "#/components/schemas/TextBlock"}},
  "stop_reason": {"enum": ["end_turn", "max_tokens", "stop_sequence", null]}, "stop_sequence": {"type": ["string", "null"]},
  "usage": {"$ref": "#/components/schemas/AnthropicUsage"}}},
"MessageEvent": {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["message_start",
  "content_block_start", "ping", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "error"]}}},
"CountTokensReply": {"type": "object", "required": ["input_tokens"], "properties": {"input_tokens": {"type": "integer"}}},
"InputItem": {"type": "object", "properties": {"type": {"enum": ["message", "reasoning", null]},
  "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
  "content": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object", "required": ["type"],
    "properties": {"type": {"enum": ["text", "input_text", "output_text", "refusal"]}, "text": {"type": "string"}}}}]}}},
"Response": {"type": "object", "required": ["id", "object", "created_at", "status", "model", "output", "error",
    "incomplete_details", "usage", "store", "metadata", "previous_response_id", "instructions"], "properties": {
  "id": {"type": "string"}, "object": {"const": "response"}, "created_at": {"type": "integer"}, "model": {"type": "string"},
  "status": {"enum": ["in_progress", "completed", "incomplete", "failed"]},
  "output": {"type": "array", "items": {"type": "object", "required": ["id", "type", "role", "status", "content"], "properties": {
    "type": {"const": "message"}, "role": {"const": "assistant"}, "content": {"type": "array", "items": {"type": "object",
      "required": ["type", "text", "annotations"], "properties": {"type": {"const": "output_text"}, "text": {"type": "string"}}}}}}},
  "incomplete_details": {"type": ["object", "null"]}, "error": {"type": ["object", "null"]},
  "usage": {"type": ["object", "null"], "required": ["input_tokens", "output_tokens", "total_tokens"]},
  "store": {"type": "boolean"}, "metadata": {"type": "object"},
  "previous_response_id": {"type": ["string", "null"]}, "instructions": {"type": ["string", "null"]}}},
"ResponseEvent": {"type": "object", "required": ["type", "sequence_number"], "properties": {
  "sequence_number": {"type": "integer"}, "type": {"enum": ["response.created", "response.in_progress",
    "response.output_item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.done",
    "response.content_part.done", "response.output_item.done", "response.completed", "response.incomplete", "response.failed"]}}},
"DeletedResponse": {"type": "object", "required": ["id", "object", "deleted"], "properties": {"id": {"type": "string"},
  "object": {"const": "response"}, "deleted": {"const": true}}},
"EmbeddingList": {"type": "object", "required": ["object", "data", "model", "usage"], "properties": {
  "id": {"type": "string"}, "object": {"const": "list"}, "created": {"type": "integer"}, "model": {"type": "string"},
  "data": {"type": "array", "items": {"type": "object", "required": ["index", "object", "embedding"], "properties": {
    "index": {"type": "integer"}, "object": {"const": "embedding"},
    "embedding": {"oneOf": [{"type": "array", "items": {"type": "number"}}, {"type": "string"}]}}}},
  "usage": {"type": "object", "required": ["prompt_tokens", "total_tokens"], "properties": {
    "prompt_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"}}}}},
"TokenizeReply": {"type": "object", "required": ["count", "max_model_len", "tokens", "token_strs"], "properties": {
  "count": {"type": "integer"}, "max_model_len": {"type": "integer"},
  "tokens": {"type": "array", "items": {"type": "integer"}},
  "token_strs": {"type": ["array", "null"], "items": {"type": "string"}}}},
"DetokenizeReply": {"type": "object", "required": ["prompt"], "properties": {"prompt": {"type": "string"}}},
"Model": {"type": "object", "required": ["id", "object", "created", "owned_by", "root", "max_model_len"], "properties": {
  "id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"}, "owned_by": {"type": "string"},
  "root": {"type": "string"}, "parent": {"type": ["string", "null"]}, "max_model_len": {"type": "integer"},
  "permission": {"type": "array", "items": {"type": "object"}}}},
"ModelList": {"type": "object", "required": ["object", "data"], "properties": {"object": {"const": "list"},
  "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}}},
"Document": {"type": "object", "description": "An OpenAPI document."},
"Version": {"type": "object", "required": ["version"], "properties": {"version": {"type": "string"}}},
"Load": {"type": "object", "required": ["server_load"], "properties": {
  "server_load": {"type": "integer", "description": "Generations running and waiting."},
  "running": {"type": "integer"}, "waiting": {"type": "integer"},
  "queued_tokens": {"type": "integer", "description": "Of prompts, not yet computed."},
  "kv_blocks_used": {"type": "integer"}, "kv_blocks_total": {"type": "integer"}}}
})json";

}  // namespace

const boost::json::object& reply_schemas() {
  static const boost::json::object schemas = [] {
    auto parsed = parse_json(kSchemas);
    ATELIER_CHECK(parsed && parsed->is_object());
    return std::move(parsed->get_object());
  }();
  return schemas;
}

}  // namespace atelier::api
