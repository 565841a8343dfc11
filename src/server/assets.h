// The chat page and its files, embedded into the program when it was built.
#pragma once

#include <string>
#include <string_view>

namespace atelier::server {

struct Asset {
  std::string_view bytes;
  std::string_view mime;
  std::string etag;  // quoted, from the content
};

// `path` as in the URL: "/" is the page, "/app.js" one of its files. nullptr: no such file. Where the page
// was not built, "/" says so. Any thread.
const Asset* find_asset(std::string_view path);

}  // namespace atelier::server
