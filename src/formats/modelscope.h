// ModelScope, the fallback where the Hugging Face hub does not answer (MODELSCOPE_ENDPOINT).
// API: GET /api/v1/models/{repo}/repo/files?Revision=master&Recursive=true and
// /api/v1/models/{repo}/repo?Revision=master&FilePath={file}, as ModelScope's own client uses them.
#pragma once

#include <string>

#include "formats/hub.h"

namespace atelier::formats {

class ModelScope : public Hub {
 public:
  explicit ModelScope(std::string endpoint);

  std::string name() const override;
  std::string token() const override { return ""; }
  std::string folder(const std::string& repo) const override;
  Result<RepoListing> list(HttpClient& client, const std::string& repo,
                           std::chrono::milliseconds answer_within) const override;
  std::string file_url(const std::string& repo, const std::string& commit,
                       const std::string& path) const override;

 private:
  std::string endpoint_;
};

// The body of a listing; pure, for tests. ModelScope names no commit: ours is made of the files' names and
// hashes, so that equal contents get an equal one.
Result<RepoListing> parse_modelscope_listing(std::string_view body);

}  // namespace atelier::formats
