// The Hugging Face hub, or a mirror of it (HF_ENDPOINT).
// API: https://huggingface.co/docs/hub/api (GET /api/models/{repo}/revision/{revision}?blobs=true) and
// /{repo}/resolve/{commit}/{file}.
#pragma once

#include <string>

#include "formats/hub.h"

namespace atelier::formats {

class HuggingFace : public Hub {
 public:
  HuggingFace(std::string endpoint, std::string token);

  std::string name() const override;
  std::string token() const override { return token_; }
  std::string folder(const std::string& repo) const override;
  Result<RepoListing> list(HttpClient& client, const std::string& repo,
                           std::chrono::milliseconds answer_within) const override;
  std::string file_url(const std::string& repo, const std::string& commit,
                       const std::string& path) const override;

 private:
  std::string endpoint_, token_;
};

// The body of a listing; pure, for tests.
Result<RepoListing> parse_hugging_face_listing(std::string_view body);

}  // namespace atelier::formats
