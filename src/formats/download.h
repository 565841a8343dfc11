// A download brings one file of known size from one address into a PartialFile: it goes on where the last
// attempt stopped, waits a little longer after each failure, and believes no size but the one it was given.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "formats/http_client.h"
#include "formats/partial_file.h"

namespace atelier::formats {

struct DownloadJob {
  std::string url;
  std::string token;  // "" for none
  std::function<void(std::int64_t bytes_here)> on_progress = [](std::int64_t) {};
  std::function<void(const std::string& message)> on_retry = [](const std::string&) {};
  // Given up after this long without progress; the wait between tries doubles from 250 ms to 8 s meanwhile.
  std::chrono::milliseconds patience{60'000};
};

// Fills `file` to its whole size; does not finish() it. kNetwork: gave up (the partial file stays); kCorrupt:
// the server contradicts the size or hash the file must have; kNotFound, kBadRequest: 404, 401/403; kIo:
// disk.
Status download(HttpClient& client, const DownloadJob& job, PartialFile& file);

// What a status other than 2xx means: 404 kNotFound, 401/403 kBadRequest (naming HF_TOKEN), others kNetwork.
Failure status_failure(const HttpHead& head);

}  // namespace atelier::formats
