// Text as it may stand between the tags of XML, and so of SVG.
#pragma once

#include <string>
#include <string_view>

namespace atelier {

inline std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace atelier
