// Bringing a repository's files from a hub into the cache: each blob locked, resumed, hashed and renamed,
// then linked into the snapshot; refs/main last, so that it never names a snapshot that is not whole.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "formats/http_client.h"
#include "formats/hub.h"

namespace atelier::formats {

struct RepoPull {
  std::filesystem::path cache;
  std::string repo;                                // "org/name"
  std::string quantisation;                        // "" for none
  std::string file;                                // this very file instead of choosing; "" to choose
  std::string label;                               // on the progress bar
  std::chrono::seconds patience{60};               // of each file's download
  std::chrono::milliseconds answer_within{3'000};  // the listing's first byte
};

// The GGUF file, or the snapshot's folder. Failures as Hub::list, choose_files and download.
Result<std::filesystem::path> pull_repo(HttpClient& client, const Hub& hub, const RepoPull& pull);

}  // namespace atelier::formats
