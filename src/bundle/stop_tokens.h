// Which tokens end a generation: the ones a file names, and the ones that end a turn in its kind of chat.
#pragma once

#include "text/tokenizer_data.h"

namespace atelier::bundle {

// Adds `id` unless it is -1 or there already.
void add_stop(text::TokenizerData& data, text::TokenId id);

// Adds what ends a turn where the special tokens show the kind of chat: ChatML (<|im_start|>) or Llama 3's.
// Files often name only one of several: Qwen2.5's GGUF gives <|im_end|> and not <|endoftext|>.
void add_chat_stops(text::TokenizerData& data);

}  // namespace atelier::bundle
