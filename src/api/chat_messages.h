// The messages and tools of a chat request, checked, in the form that chat templates read.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace atelier::api {

// Each message: role (developer becomes system), content as one string (parts joined by a line break),
// tool_calls with their arguments as objects, name, tool_call_id, reasoning_content. Refuses what is not
// text.
// `field` names the list in messages.
Result<boost::json::array> read_messages(const boost::json::array& messages,
                                         std::string_view field = "messages");

// A message's content: a string, or a list of text parts, joined by a line break. `where` names it in
// messages.
Result<std::string> read_text_content(const boost::json::value& content, const std::string& where);

// Each tool: {"type": "function", "function": {"name": …, …}}.
Status check_tools(const boost::json::array& tools);

}  // namespace atelier::api
