#include "formats/hugging_face.h"

#include <boost/json.hpp>
#include <utility>

#include "base/json.h"
#include "formats/download.h"
#include "formats/hub_cache.h"
#include "formats/model_name.h"

namespace atelier::formats {
namespace {

constexpr std::size_t kMaxListingBytes = 32u << 20;

std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::int64_t integer_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : -1;
}

// One of "siblings": {"rfilename", "size", "blobId", "lfs": {"sha256", "size"}}.
Result<RepoFile> parse_sibling(const boost::json::value& value) {
  if (!value.is_object()) return fail(Fault::kNetwork, "the hub's listing holds a file that is no object");
  const auto& object = value.get_object();
  RepoFile file{text_of(object, "rfilename"), integer_of(object, "size"),
                Checksum::from_hex(text_of(object, "blobId"))};
  if (!is_safe_relative_path(file.path)) {
    return fail(Fault::kCorrupt,
                "the hub's listing holds a file name that leaves its folder or cannot be printed");
  }
  if (const auto* lfs = object.if_contains("lfs"); lfs != nullptr && lfs->is_object()) {
    const std::int64_t bytes = integer_of(lfs->get_object(), "size");
    if (file.bytes >= 0 && bytes >= 0 && bytes != file.bytes) {
      return fail(Fault::kCorrupt, "the hub's listing gives {} two sizes: {} and {} bytes", file.path,
                  file.bytes, bytes);
    }
    if (bytes >= 0) file.bytes = bytes;
    file.checksum = Checksum::from_hex(text_of(lfs->get_object(), "sha256"));
  }
  if (file.bytes < -1 || file.bytes > kMaxFileBytes) {
    return fail(Fault::kCorrupt, "the hub's listing says {} has {} bytes", file.path, file.bytes);
  }
  return file;
}

}  // namespace

HuggingFace::HuggingFace(std::string endpoint, std::string token)
    : endpoint_(std::move(endpoint)), token_(std::move(token)) {}

std::string HuggingFace::name() const {
  return endpoint_.substr(endpoint_.find("//") + 2);
}

std::string HuggingFace::folder(const std::string& repo) const {
  return cache_folder("models", repo);
}

Result<RepoListing> HuggingFace::list(HttpClient& client, const std::string& repo,
                                      std::chrono::milliseconds answer_within) const {
  HttpRequest request;
  request.url =
      fmt::format("{}/api/models/{}/revision/main?blobs=true", endpoint_, percent_encoded(repo, "/"));
  request.token = token_;
  request.answer_within = answer_within;
  ATELIER_TRY(const HttpClient::Reply reply, client.get(request, kMaxListingBytes));
  if (reply.head.status != 200) return std::unexpected(status_failure(reply.head));
  return parse_hugging_face_listing(reply.body);
}

std::string HuggingFace::file_url(const std::string& repo, const std::string& commit,
                                  const std::string& path) const {
  return fmt::format("{}/{}/resolve/{}/{}", endpoint_, percent_encoded(repo, "/"), commit,
                     percent_encoded(path, "/"));
}

Result<RepoListing> parse_hugging_face_listing(std::string_view body) {
  const auto json = parse_json(body);
  if (!json || !json->is_object()) {
    return fail(Fault::kNetwork,
                "what answered is no hub: its listing is not JSON (a login page or a proxy?)");
  }
  const auto& object = json->get_object();
  RepoListing listing{text_of(object, "sha"), {}};
  if (Checksum::from_hex(listing.commit).kind != Checksum::Kind::kGitSha1) {
    return fail(Fault::kNetwork, "the hub's listing names no commit");
  }
  const auto* siblings = object.if_contains("siblings");
  if (siblings == nullptr || !siblings->is_array())
    return fail(Fault::kNetwork, "the hub's listing holds no files");
  for (const auto& value : siblings->get_array()) {
    ATELIER_TRY(RepoFile file, parse_sibling(value));
    listing.files.push_back(std::move(file));
  }
  return listing;
}

}  // namespace atelier::formats
