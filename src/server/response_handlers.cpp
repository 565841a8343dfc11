#include "server/response_handlers.h"

#include "api/responses_reply.h"

namespace atelier::server {

void show_response(const ResponseStore& store, Call& call) {
  const auto stored = store.find(call.parameter());
  if (stored == nullptr) return call.fail(unknown_response(call.parameter(), "response_id"));
  if (call.request().query.find("stream=true") != std::string::npos)
    return call.fail(
        {Fault::kUnsupported, "a stored response cannot be streamed; leave out stream", "stream"});
  call.respond_json(200, stored->json);
}

void drop_response(ResponseStore& store, Call& call) {
  if (!store.drop(call.parameter())) return call.fail(unknown_response(call.parameter(), "response_id"));
  call.respond_json(200, api::deleted_response(call.parameter()));
}

void cancel_response(const ResponseStore& store, Call& call) {
  if (store.find(call.parameter()) == nullptr)
    return call.fail(unknown_response(call.parameter(), "response_id"));
  call.fail({Fault::kBadRequest,
             "Cannot cancel a synchronous response: it has ended, and background=true is not supported.",
             "response_id"});
}

Failure unknown_response(const std::string& id, std::string_view param) {
  return {Fault::kNotFound,
          fmt::format("Response with id '{}' not found: never stored, deleted, or forgotten for newer ones.",
                      id.substr(0, 64)),
          std::string(param)};
}

}  // namespace atelier::server
