// The schemas of replies, as /openapi.json shows them, and of what requests hold inside. The end-to-end tests
// hold real replies to them.
#pragma once

#include <boost/json/object.hpp>

namespace atelier::api {

const boost::json::object& reply_schemas();  // {"Error": {…}, "ChatCompletion": {…}, …}

}  // namespace atelier::api
