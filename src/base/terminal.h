// What this program may assume of the terminal it writes to: colour, width, letters beyond ASCII.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace atelier {

enum class Colour { kBold, kDim, kRed, kGreen, kYellow, kBlue, kMagenta, kCyan };

bool is_terminal(std::FILE* stream);

// True for a terminal, unless NO_COLOR is set to anything or TERM is "dumb" (https://no-color.org).
bool wants_colour(std::FILE* stream);

// The locale's letters are UTF-8 (LC_ALL, LC_CTYPE, LANG: the first that is set).
bool speaks_utf8();

// Columns of the terminal behind `stream`; 80 where there is none.
int terminal_columns(std::FILE* stream);

// `text` in `colour` where `stream` wants colour, else `text` as it is.
std::string paint(std::string_view text, Colour colour, std::FILE* stream);

// Columns that UTF-8 `text` takes: 2 for East Asian wide letters, 0 for combining marks and escape sequences.
int display_columns(std::string_view text);

// 491400064 -> "491.4 MB"; decimal units, as disks and hubs count.
std::string format_bytes(long long bytes);

}  // namespace atelier
