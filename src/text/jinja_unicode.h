// Text by code point, as Python sees a str: UTF-8 in and out. Bytes that are no UTF-8 count one each.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace atelier::text::jinja {

// Reads the code point at `at` (< text.size()) and moves past it.
char32_t next_code_point(std::string_view text, std::size_t& at);
// The code point that ends at `at` (> 0); moves before it.
char32_t previous_code_point(std::string_view text, std::size_t& at);

void append_code_point(std::string& out, char32_t code);
std::size_t count_code_points(std::string_view text);
// Byte offset of code point `index`; text.size() where there are not so many.
std::size_t byte_offset(std::string_view text, std::size_t index);
// nullopt-like: npos where the text is valid UTF-8, else the offset of the first bad byte.
std::size_t find_invalid_utf8(std::string_view text);

// Python's str predicates for one code point.
bool is_space(char32_t code);
bool is_alpha(char32_t code);
bool is_decimal(char32_t code);
bool is_digit(char32_t code);
bool is_numeric(char32_t code);
bool is_alnum(char32_t code);
bool is_lower(char32_t code);
bool is_upper(char32_t code);
bool is_title(char32_t code);
bool is_cased(char32_t code);
bool is_printable(char32_t code);
bool is_identifier_start(char32_t code);
bool is_identifier_part(char32_t code);

// Full case mappings (one code point may become three), the final sigma included.
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);        // str.title
std::string to_capitalized(std::string_view text);  // str.capitalize
std::string to_swapped(std::string_view text);      // str.swapcase
std::string to_folded(std::string_view text);       // str.casefold

}  // namespace atelier::text::jinja
