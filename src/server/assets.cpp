#include "server/assets.h"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <utility>

#include "server/embedded_files.h"

namespace atelier::server {
namespace {

constexpr std::string_view kNoPage =
    "The chat page is not part of this build (npm run build in web/ makes it); the API is at /v1.\n";

std::string_view mime_of(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".json", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

// FNV-1a, 64 bits: tells two builds of a file apart, nothing more.
std::string etag_of(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211u;
  return fmt::format("\"{:016x}\"", hash);
}

std::map<std::string, Asset, std::less<>> make_table() {
  std::map<std::string, Asset, std::less<>> table;
  for (const EmbeddedFile& file : embedded_files()) {
    table[fmt::format("/{}", file.name)] = {file.bytes, mime_of(file.name), etag_of(file.bytes)};
  }
  if (const auto index = table.find("/index.html"); index != table.end()) {
    table["/"] = index->second;
  } else {
    table["/"] = {kNoPage, "text/plain; charset=utf-8", etag_of(kNoPage)};
  }
  if (const auto icon = table.find("/icon.svg"); icon != table.end()) {
    table.try_emplace("/favicon.ico", icon->second);
  }
  return table;
}

}  // namespace

const Asset* find_asset(std::string_view path) {
  static const auto table = make_table();
  const auto found = table.find(path);
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace atelier::server
