// The table of the server's endpoints: the Router is filled from it, and /openapi.json written. And the
// handlers that need no room of their own.
#include "api/json_writer.h"
#include "api/model_card.h"
#include "server/assets.h"
#include "server/call.h"
#include "server/page_policy.h"
#include "server/response_handlers.h"
#include "server/service.h"

namespace atelier::server {
namespace {

using Shared = const std::shared_ptr<Call>&;

constexpr std::string_view kGenerating = "Generating", kTokens = "Tokens", kModels = "Models",
                           kServer = "Server";

void answer_empty(Shared call) {
  call->respond({.status = 200, .headers = {}, .body = {}});
}

api::ModelCard card_of(const ServedModel& model) {
  return {
      .id = model.id, .root = model.root, .created = model.created, .max_model_len = model.max_model_len()};
}

}  // namespace

void Service::add_endpoints() {
  Endpoint table[] = {
      {{.method = "POST",
        .path = "/v1/chat/completions",
        .tag = kGenerating,
        .summary = "Answer a conversation (OpenAI)",
        .request = "ChatCompletionRequest",
        .reply = "ChatCompletion",
        .stream = "ChatCompletionChunk"},
       [this](Shared call) { generations_.chat(call); }},
      {{.method = "POST",
        .path = "/v1/completions",
        .tag = kGenerating,
        .summary = "Go on with a text (OpenAI)",
        .request = "CompletionRequest",
        .reply = "Completion",
        .stream = "Completion"},
       [this](Shared call) { generations_.completion(call); }},
      {{.method = "POST",
        .path = "/v1/messages",
        .tag = kGenerating,
        .summary = "Answer a conversation (Anthropic)",
        .request = "MessagesRequest",
        .reply = "Message",
        .stream = "MessageEvent",
        .errors = api::ErrorShape::kAnthropic},
       [this](Shared call) { generations_.messages(call); }},
      {{.method = "POST",
        .path = "/v1/responses",
        .tag = kGenerating,
        .summary = "Answer, and remember the conversation (OpenAI)",
        .request = "ResponsesRequest",
        .reply = "Response",
        .stream = "ResponseEvent"},
       [this](Shared call) { generations_.responses(call); }},
      {{.method = "GET",
        .path = "/v1/responses/{response_id}",
        .tag = kGenerating,
        .summary = "A response that is remembered",
        .reply = "Response"},
       [this](Shared call) { show_response(stored_, *call); }},
      {{.method = "DELETE",
        .path = "/v1/responses/{response_id}",
        .tag = kGenerating,
        .summary = "Forget a response",
        .reply = "DeletedResponse"},
       [this](Shared call) { drop_response(stored_, *call); }},
      {{.method = "POST",
        .path = "/v1/responses/{response_id}/cancel",
        .tag = kGenerating,
        .summary = "Refused: a response that is known has ended",
        .reply = "Response"},
       [this](Shared call) { cancel_response(stored_, *call); }},
      {{.method = "POST",
        .path = "/v1/embeddings",
        .tag = kGenerating,
        .summary = "A vector for each text (OpenAI)",
        .request = "EmbeddingRequest",
        .reply = "EmbeddingList"},
       [this](Shared call) { generations_.embeddings(call); }},
      {{.method = "POST",
        .path = "/generate",
        .tag = kGenerating,
        .summary = "Go on with a text (vLLM's older interface)",
        .request = "GenerateRequest",
        .reply = "GenerateReply",
        .stream = "GenerateReply",
        .stream_type = "application/x-ndjson"},
       [this](Shared call) { generations_.generate(call); }},
      {{.method = "POST",
        .path = "/v1/messages/count_tokens",
        .tag = kTokens,
        .summary = "The number of tokens of a conversation (Anthropic)",
        .request = "CountTokensRequest",
        .reply = "CountTokensReply",
        .errors = api::ErrorShape::kAnthropic},
       [this](Shared call) { tokens_.count(call); }},
      {{.method = "POST",
        .path = "/tokenize",
        .tag = kTokens,
        .summary = "The token ids of a text or a conversation",
        .request = "TokenizeRequest",
        .reply = "TokenizeReply"},
       [this](Shared call) { tokens_.tokenize(call); }},
      {{.method = "POST",
        .path = "/detokenize",
        .tag = kTokens,
        .summary = "The text of token ids",
        .request = "DetokenizeRequest",
        .reply = "DetokenizeReply"},
       [this](Shared call) { tokens_.detokenize(call); }},
      {{.method = "GET",
        .path = "/v1/models",
        .tag = kModels,
        .summary = "The models that are served",
        .reply = "ModelList"},
       [this](Shared call) { answer_models(*call); }},
      {{.method = "GET",
        .path = "/v1/models/{model}",
        .tag = kModels,
        .summary = "One model",
        .reply = "Model"},
       [this](Shared call) { answer_model(*call); }},
      {{.method = "GET", .path = "/health", .tag = kServer, .summary = "200 while the process lives"},
       answer_empty},
      {{.method = "GET", .path = "/ping", .tag = kServer, .summary = "The same as /health"}, answer_empty},
      {{.method = "POST", .path = "/ping", .tag = kServer, .summary = "The same as /health"}, answer_empty},
      {{.method = "GET",
        .path = "/ready",
        .tag = kServer,
        .summary = "200 while new requests are taken, 503 from the moment of shutting down"},
       [this](Shared call) { answer_ready(*call); }},
      {{.method = "GET",
        .path = "/version",
        .tag = kServer,
        .summary = "The server's version",
        .reply = "Version"},
       [this](Shared call) { answer_version(*call); }},
      {{.method = "GET",
        .path = "/load",
        .tag = kServer,
        .summary = "What runs and waits at this moment",
        .reply = "Load"},
       [this](Shared call) { answer_load(*call); }},
      {{.method = "GET",
        .path = "/metrics",
        .tag = kServer,
        .summary = "Counts and times in Prometheus' format, under vLLM's names",
        .reply = "Text",
        .reply_type = "text/plain"},
       [this](Shared call) { answer_metrics(*call); }},
      {{.method = "GET",
        .path = "/openapi.json",
        .tag = kServer,
        .summary = "This document",
        .reply = "Document"},
       [this](Shared call) { call->respond_json(200, openapi_); }},
      {{.method = "GET",
        .path = "/docs",
        .tag = kServer,
        .summary = "This document as a page",
        .reply = "Text",
        .reply_type = "text/html"},
       [this](Shared call) { answer_asset(*call, "/docs.html", kDocsPolicy); }},
  };
  for (Endpoint& endpoint : table) router_.add(std::move(endpoint));
}

void Service::answer_models(Call& call) const {
  call.respond_json(200, api::model_list(card_of(model_)));
}

void Service::answer_model(Call& call) const {
  if (model_.is_called(call.parameter())) return call.respond_json(200, api::model_card(card_of(model_)));
  call.fail({Fault::kNotFound, fmt::format("The model `{}` does not exist.", call.parameter()), "model"});
}

void Service::answer_ready(Call& call) const {
  if (!generations_.draining()) return call.respond({.status = 200, .headers = {}, .body = {}});
  call.fail({Fault::kOverloaded, "the server is shutting down", {}});
}

void Service::answer_version(Call& call) const {
  std::string json;
  api::JsonWriter(json).begin_object().member("version", options_.version).end_object();
  call.respond_json(200, std::move(json));
}

void Service::answer_metrics(Call& call) const {
  call.respond({.status = 200,
                .headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                .body = watchers_.metrics->text()});
}

void Service::answer_load(Call& call) const {
  const engine::EngineStats stats = model_.engine.stats();
  std::string json;
  api::JsonWriter(json)
      .begin_object()
      .member("server_load", stats.running + stats.waiting)
      .member("running", stats.running)
      .member("waiting", stats.waiting)
      .member("queued_tokens", stats.queued_tokens)
      .member("kv_blocks_used", stats.blocks_used)
      .member("kv_blocks_total", stats.blocks_total)
      .end_object();
  call.respond_json(200, std::move(json));
}

// A build without its pages has no such file: 404 says so.
void Service::answer_asset(Call& call, std::string_view path, std::string_view policy) const {
  const Asset* asset = find_asset(path);
  if (asset == nullptr) return call.fail({Fault::kNotFound, "this build has no pages", {}});
  http::Response response{.status = 200,
                          .headers = {{"Content-Type", std::string(asset->mime)},
                                      {"ETag", asset->etag},
                                      {"Cache-Control", "no-cache"},
                                      {"Content-Security-Policy", std::string(policy)}},
                          .body = {}};
  if (call.request().header("If-None-Match") == asset->etag) {
    response.status = 304;
  } else {
    response.body = asset->bytes;
  }
  call.respond(std::move(response));
}

}  // namespace atelier::server
