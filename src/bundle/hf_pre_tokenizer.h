// Recognises the text preparation that a tokenizer.json describes: its normalizer and its pre_tokenizer are
// little programs; the ones known here are matched as wholes.
#pragma once

#include <boost/json/object.hpp>

#include "base/result.h"
#include "text/tokenizer_data.h"

namespace atelier::bundle {

// Sets data.nfc and data.pre_tokenizer; kUnsupported shows what is not known.
Status read_text_preparation(const boost::json::object& tokenizer, text::TokenizerData& data);

}  // namespace atelier::bundle
