// What a tokenizer needs to know of a code point, as Hugging Face `tokenizers` sees it: each of its parts
// follows its own version of Unicode, so the table is asked of the package (tools/make_unicode_tables.py).
#pragma once

#include <array>
#include <cstdint>

namespace atelier::text {

using CharClasses = std::uint8_t;  // a set of the bits below
constexpr CharClasses kLetter = 1;
constexpr CharClasses kNumber = 2;
constexpr CharClasses kSpace = 4;
constexpr CharClasses kDigit = 8;         // Rust's char::is_numeric: nearly kNumber, a Unicode version ahead
constexpr CharClasses kNfcBoundary = 16;  // stays as it is under NFC and never joins what stands before it
constexpr CharClasses kNfcInert = 32;     // nor what stands behind it

// `code_point` below 0x110000.
CharClasses classes_of(char32_t code_point);

// The same for ASCII, without the table's two steps.
extern const std::array<CharClasses, 128> kAsciiClasses;

// FNV-1a over one byte (0 or 1) for each of the 0x110000 code points, as the generator saw them.
std::uint64_t class_checksum(CharClasses one_class);

}  // namespace atelier::text
