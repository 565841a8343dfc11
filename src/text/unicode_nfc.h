// Canonical composition (Unicode Annex 15, NFC) as Hugging Face `tokenizers` performs it, whose tables end
// with Unicode 9: what it does not know, it leaves alone.
#pragma once

#include <string>
#include <string_view>

namespace atelier::text {

// `text` in NFC: `text` itself where nothing changes (the usual case, one pass over it), else a view of
// `storage`. `text` must be valid UTF-8. O(n log n) for any text.
std::string_view to_nfc(std::string_view text, std::string& storage);

}  // namespace atelier::text
