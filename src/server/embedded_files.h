// The files of web/dist as they were when the program was built; the table is generated
// (cmake/EmbedFiles.cmake).
#pragma once

#include <span>
#include <string_view>

namespace atelier::server {

struct EmbeddedFile {
  std::string_view name;  // "app.js", "fonts/a.woff2"
  std::string_view bytes;
};

std::span<const EmbeddedFile> embedded_files();

}  // namespace atelier::server
