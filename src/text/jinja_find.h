// Substring search in linear time whatever the text: a template may look for "aaa…b" in "aaa…a".
#pragma once

#include <cstddef>
#include <string_view>

namespace atelier::text::jinja {

std::size_t find_text(std::string_view all, std::string_view wanted, std::size_t from = 0);
std::size_t find_last_text(std::string_view all, std::string_view wanted);

}  // namespace atelier::text::jinja
