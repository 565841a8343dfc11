#include "bundle/stop_tokens.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace atelier::bundle {
namespace {

struct ChatKind {
  std::string_view shown_by;
  std::array<std::string_view, 3> ends;
};
constexpr ChatKind kChatKinds[] = {
    {"<|im_start|>", {"<|im_end|>", "<|endoftext|>"}},
    {"<|start_header_id|>", {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"}},
};

text::TokenId control_token(const text::TokenizerData& data, std::string_view wanted) {
  const auto found = std::ranges::find_if(
      data.specials, [&](const text::SpecialToken& token) { return token.special && token.text == wanted; });
  return found == data.specials.end() ? -1 : found->id;
}

}  // namespace

void add_stop(text::TokenizerData& data, text::TokenId id) {
  if (id >= 0 && std::ranges::find(data.stop_ids, id) == data.stop_ids.end()) data.stop_ids.push_back(id);
}

void add_chat_stops(text::TokenizerData& data) {
  for (const ChatKind& kind : kChatKinds) {
    if (control_token(data, kind.shown_by) < 0) continue;
    for (std::string_view end : kind.ends) add_stop(data, control_token(data, end));
  }
}

}  // namespace atelier::bundle
