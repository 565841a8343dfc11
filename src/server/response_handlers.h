// The handlers of what /v1/responses remembers: look at a response, drop it, cancel it.
#pragma once

#include "server/call.h"
#include "server/response_store.h"

namespace atelier::server {

// The call's parameter is the response's id. Connection threads; nothing here takes long.
void show_response(const ResponseStore& store, Call& call);
void drop_response(ResponseStore& store, Call& call);
// Answers come with the request itself (there is no background=true), so that a response that is known has
// ended: refused, saying so. What still runs is cancelled by hanging up.
void cancel_response(const ResponseStore& store, Call& call);

Failure unknown_response(const std::string& id, std::string_view param);

}  // namespace atelier::server
