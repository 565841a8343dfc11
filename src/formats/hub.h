// A Hub is a place on the network that holds repositories of model files: what the Hugging Face hub and
// ModelScope have in common. A listing has been checked: safe names, plausible sizes, well-formed hashes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/digest.h"
#include "formats/http_client.h"

namespace atelier::formats {

struct RepoFile {
  std::string path;    // "tokenizer.json", safe below any folder
  std::int64_t bytes;  // -1: the listing does not say
  Checksum checksum;   // kNone: the listing does not say
};

struct RepoListing {
  std::string commit;  // 40 hex digits
  std::vector<RepoFile> files;
};

class Hub {
 public:
  virtual ~Hub() = default;

  virtual std::string name() const = 0;                           // for people: "huggingface.co"
  virtual std::string token() const = 0;                          // "" for none
  virtual std::string folder(const std::string& repo) const = 0;  // in the cache: "models--org--name"

  // kNetwork where the hub does not answer within `answer_within` or not as a hub does; kNotFound,
  // kBadRequest (private, gated) where it answers that there is nothing for us.
  virtual Result<RepoListing> list(HttpClient& client, const std::string& repo,
                                   std::chrono::milliseconds answer_within) const = 0;
  virtual std::string file_url(const std::string& repo, const std::string& commit,
                               const std::string& path) const = 0;

  // Asks for the size and hash of a file whose listing lacks them. Default: HEAD on file_url.
  virtual Status complete(HttpClient& client, const std::string& repo, const std::string& commit,
                          RepoFile& file) const;
};

// A larger single file than this is taken for a lie.
inline constexpr std::int64_t kMaxFileBytes = std::int64_t{4} << 40;

// The files of `files` that make up the model: with a quantisation the one GGUF of that name; else
// configuration, tokenizer and safetensors; else the only GGUF. kUnsupported, kNotFound and kBadRequest say
// what there is to choose from.
Result<std::vector<RepoFile>> choose_files(const std::string& repo, const std::vector<RepoFile>& files,
                                           const std::string& quantisation);

}  // namespace atelier::formats
