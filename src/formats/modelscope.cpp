#include "formats/modelscope.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/json.h"
#include "formats/download.h"
#include "formats/hub_cache.h"
#include "formats/model_name.h"

namespace atelier::formats {
namespace {

constexpr std::size_t kMaxListingBytes = 32u << 20;

// {"Data": {"Files": [...]}}; nullptr where the answer has another shape.
const boost::json::array* files_of(const boost::json::value& json) {
  if (!json.is_object()) return nullptr;
  const auto* data = json.get_object().if_contains("Data");
  if (data == nullptr || !data->is_object()) return nullptr;
  const auto* files = data->get_object().if_contains("Files");
  return files == nullptr || !files->is_array() ? nullptr : &files->get_array();
}

std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

// {"Path", "Size", "Sha256", "Type": "blob" | "tree"}
Result<RepoFile> parse_file(const boost::json::object& object) {
  const auto* size = object.if_contains("Size");
  RepoFile file{text_of(object, "Path"), size != nullptr && size->is_int64() ? size->get_int64() : -1,
                Checksum::from_hex(text_of(object, "Sha256"))};
  if (!is_safe_relative_path(file.path)) {
    return fail(Fault::kCorrupt,
                "ModelScope's listing holds a file name that leaves its folder or cannot be printed");
  }
  if (file.bytes < -1 || file.bytes > kMaxFileBytes) {
    return fail(Fault::kCorrupt, "ModelScope's listing says {} has {} bytes", file.path, file.bytes);
  }
  return file;
}

std::string commit_of(std::vector<RepoFile> files) {
  std::ranges::sort(files, {}, &RepoFile::path);
  std::string text;
  for (const RepoFile& file : files)
    text += fmt::format("{} {} {}\n", file.checksum.hex, file.bytes, file.path);
  return sha256_hex(std::as_bytes(std::span(text))).substr(0, 40);
}

}  // namespace

ModelScope::ModelScope(std::string endpoint) : endpoint_(std::move(endpoint)) {}

std::string ModelScope::name() const {
  return endpoint_.substr(endpoint_.find("//") + 2);
}

std::string ModelScope::folder(const std::string& repo) const {
  return cache_folder("modelscope", repo);
}

Result<RepoListing> ModelScope::list(HttpClient& client, const std::string& repo,
                                     std::chrono::milliseconds answer_within) const {
  HttpRequest request;
  request.url = fmt::format("{}/api/v1/models/{}/repo/files?Revision=master&Recursive=true", endpoint_,
                            percent_encoded(repo, "/"));
  request.answer_within = answer_within;
  ATELIER_TRY(const HttpClient::Reply reply, client.get(request, kMaxListingBytes));
  if (reply.head.status != 200) return std::unexpected(status_failure(reply.head));
  return parse_modelscope_listing(reply.body);
}

std::string ModelScope::file_url(const std::string& repo, const std::string&, const std::string& path) const {
  return fmt::format("{}/api/v1/models/{}/repo?Revision=master&FilePath={}", endpoint_,
                     percent_encoded(repo, "/"), percent_encoded(path));
}

Result<RepoListing> parse_modelscope_listing(std::string_view body) {
  const auto json = parse_json(body);
  const auto* files = json ? files_of(*json) : nullptr;
  if (files == nullptr) return fail(Fault::kNetwork, "ModelScope's listing holds no files");
  RepoListing listing;
  for (const auto& value : *files) {
    if (!value.is_object())
      return fail(Fault::kNetwork, "ModelScope's listing holds a file that is no object");
    if (text_of(value.get_object(), "Type") == "tree") continue;
    ATELIER_TRY(RepoFile file, parse_file(value.get_object()));
    listing.files.push_back(std::move(file));
  }
  listing.commit = commit_of(listing.files);
  return listing;
}

}  // namespace atelier::formats
